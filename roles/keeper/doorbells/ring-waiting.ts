import { TaskType } from '@chimera/contracts/agent-task'
import type { EffectGrant } from '@chimera/contracts/grant'
import { taskStream, type WorkStream } from '@chimera/contracts/streams'
import {
  findGrants,
  findJudgingTasks,
  findReadyTasks,
  findReceipts,
  findReceivedGoals,
  loadWaitingGrants,
  type Page,
  type Waiting,
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
async function eachPage<Row extends Waiting>(
  of: Ringing,
  steps: {
    kind: string
    find: (page: Page) => Promise<Row[]>
    publish: (rows: Row[]) => Promise<void>
  },
): Promise<boolean> {
  const keyOf = ({ tenantId, id }: Row) => `${steps.kind} ${tenantId} ${id}`
  let after: Row | null = null
  let isAny = false
  for (let page = 0; page < MAX_PAGES && !of.signal.aborted; page += 1) {
    const rows: Row[] = await steps.find({ which: of.which, after, limit: PAGE })
    const due = rows.filter((row) => of.mayRing(keyOf(row)))
    if (due.length > 0) {
      await steps.publish(due)
      for (const row of due) of.onRung(keyOf(row))
      isAny = true
    }
    after = rows.at(-1) ?? null
    if (rows.length < PAGE) break
  }
  return isAny
}

const ringGoals = (deps: KeeperDeps, of: Ringing): Promise<boolean> =>
  eachPage(of, {
    kind: 'goal',
    find: (page) => findReceivedGoals(deps.database, page),
    publish: (goals) => send(deps, goals.map(ringPlanner)),
  })

const ringTasks = (deps: KeeperDeps, of: Ringing, types: TaskType[]): Promise<boolean> =>
  eachPage(of, {
    kind: 'ready',
    find: (page) => findReadyTasks(deps.database, { ...page, types }),
    publish: (tasks) => publishTasks(deps, { tasks }),
  })

async function ringResults(deps: KeeperDeps, of: Ringing): Promise<boolean> {
  const isTask = await eachPage(of, {
    kind: 'judging',
    find: (page) => findJudgingTasks(deps.database, page),
    publish: (tasks) =>
      send(
        deps,
        tasks.map(({ id, tenantId }) => ringJudge({ look_at: 'task', id }, tenantId)),
      ),
  })
  const isReceipt = await eachPage(of, {
    kind: 'receipt',
    find: (page) => findReceipts(deps.database, page),
    publish: (receipts) =>
      send(
        deps,
        receipts.map(({ id }) => ringJudge({ look_at: 'receipt', id })),
      ),
  })
  return isTask || isReceipt
}

const ringGrants = (deps: KeeperDeps, of: Ringing): Promise<boolean> =>
  eachPage(of, {
    kind: 'grant',
    find: (page) => findGrants(deps.database, page),
    publish: async (found) => {
      const grants = await loadWaitingGrants(deps.database, found)
      await send(deps, grants.map(carry))
    },
  })

function carry({ id, tenantId, grantId, account, tool, jws }: WaitingGrant): Publication {
  const payload: EffectGrant = { effect_id: id, grant_id: grantId, account, tool, grant: jws }
  return { stream: 'chimera:effects', payload, tenant: tenantId }
}

async function send(deps: KeeperDeps, publications: Publication[]): Promise<void> {
  deps.crash('keeper.sweep.before_publish')
  await deps.publisher.publish(publications)
}
