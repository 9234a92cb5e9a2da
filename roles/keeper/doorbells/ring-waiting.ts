import { TaskType } from '@chimera/contracts/agent-task'
import type { EffectGrant } from '@chimera/contracts/grant'
import { taskStream, type WorkStream } from '@chimera/contracts/streams'
import {
  findGrants,
  findJudgingTasks,
  findReadyTasks,
  findReceipts,
  findReceivedGoals,
  type WaitingGrant,
  type Which,
} from '@chimera/infra/database/sweeps/find-waiting'
import type { Publication } from '@chimera/infra/streams/publisher'

import { PAGE, ringJudge, ringPlanner, type KeeperDeps } from '../duties/keeper-deps.ts'
import { publishTasks } from '../duties/publish-tasks.ts'

type Ringing = {
  which: Which
  /** Rows that these streams ring; others are left alone. */
  streams: readonly WorkStream[]
  mayRing: (key: string) => boolean
  onRung: (key: string) => void
  signal: AbortSignal
}

/** Rows in pages of 500: a million rows that wait. */
const MAX_PAGES = 2_000

/** Publishes rows that wait for a doorbell, page by page; returns the streams that were rung. */
export async function ringWaiting(deps: KeeperDeps, of: Ringing): Promise<WorkStream[]> {
  const rung: WorkStream[] = []
  if (of.streams.includes('chimera:goals') && (await ringGoals(deps, of)))
    rung.push('chimera:goals')
  const types = TaskType.options.filter((type) => of.streams.includes(taskStream(type)))
  if (types.length > 0 && (await ringTasks(deps, of, types))) rung.push(...types.map(taskStream))
  if (of.streams.includes('chimera:results') && (await ringResults(deps, of))) {
    rung.push('chimera:results')
  }
  if (of.streams.includes('chimera:effects') && (await ringGrants(deps, of))) {
    rung.push('chimera:effects')
  }
  return rung
}

/**
 * Walks over all pages; `publish` is given what may be rung of each. Answers whether anything was.
 */
async function eachPage<Row>(
  of: Ringing,
  steps: {
    find: (after: Row | null) => Promise<Row[]>
    keyOf: (row: Row) => string
    publish: (rows: Row[]) => Promise<void>
  },
): Promise<boolean> {
  let last: Row | null = null
  let isAny = false
  for (let page = 0; page < MAX_PAGES && !of.signal.aborted; page += 1) {
    const rows: Row[] = await steps.find(last)
    const due = rows.filter((row) => of.mayRing(steps.keyOf(row)))
    if (due.length > 0) {
      await steps.publish(due)
      for (const row of due) of.onRung(steps.keyOf(row))
      isAny = true
    }
    last = rows.at(-1) ?? null
    if (rows.length < PAGE) break
  }
  return isAny
}

const ringGoals = (deps: KeeperDeps, of: Ringing): Promise<boolean> =>
  eachPage<{ tenantId: string; id: string }>(of, {
    find: (after) => findReceivedGoals(deps.database, { which: of.which, after, limit: PAGE }),
    keyOf: ({ tenantId, id }) => `goal:${tenantId}:${id}`,
    publish: (goals) => send(deps, goals.map(ringPlanner)),
  })

const ringTasks = (deps: KeeperDeps, of: Ringing, types: TaskType[]): Promise<boolean> =>
  eachPage<{ id: string }>(of, {
    find: (last) =>
      findReadyTasks(deps.database, {
        which: of.which,
        types,
        after: last?.id ?? null,
        limit: PAGE,
      }),
    keyOf: ({ id }) => `task:${id}`,
    publish: (tasks) => publishTasks(deps, { taskIds: tasks.map(({ id }) => id) }),
  })

async function ringResults(deps: KeeperDeps, of: Ringing): Promise<boolean> {
  const page = (last: { id: string } | null) => ({
    which: of.which,
    after: last?.id ?? null,
    limit: PAGE,
  })
  const isTask = await eachPage<{ id: string; tenantId: string }>(of, {
    find: (last) => findJudgingTasks(deps.database, page(last)),
    keyOf: ({ id }) => `judging:${id}`,
    publish: (tasks) =>
      send(
        deps,
        tasks.map(({ id, tenantId }) => ringJudge({ look_at: 'task', id }, tenantId)),
      ),
  })
  const isReceipt = await eachPage<{ id: string }>(of, {
    find: (last) => findReceipts(deps.database, page(last)),
    keyOf: ({ id }) => `receipt:${id}`,
    publish: (receipts) =>
      send(
        deps,
        receipts.map(({ id }) => ringJudge({ look_at: 'receipt', id })),
      ),
  })
  return isTask || isReceipt
}

const ringGrants = (deps: KeeperDeps, of: Ringing): Promise<boolean> =>
  eachPage<WaitingGrant>(of, {
    find: (last) =>
      findGrants(deps.database, { which: of.which, after: last?.id ?? null, limit: PAGE }),
    keyOf: ({ grantId }) => `grant:${grantId}`,
    publish: (grants) =>
      send(
        deps,
        grants.map(({ id, tenantId, grantId, account, tool, jws }) => ({
          stream: 'chimera:effects',
          payload: {
            effect_id: id,
            grant_id: grantId,
            account,
            tool,
            grant: jws,
          } satisfies EffectGrant,
          tenant: tenantId,
        })),
      ),
  })

async function send(deps: KeeperDeps, publications: Publication[]): Promise<void> {
  deps.crash('keeper.sweep.before_publish')
  await deps.publisher.publish(publications)
}
