import { claimTasks, type TaskRing } from '@chimera/infra/database/tasks/claim-tasks'
import { lookAtUnclaimed, type Unclaimed } from '@chimera/infra/database/tasks/look-at-unclaimed'
import { findBatchTenants } from '@chimera/infra/database/tenancy/find-batch-tenants'
import type { TenantDatabase } from '@chimera/infra/database/tenant-database'
import { delay } from '@chimera/runtime/backoff'
import type { Crash } from '@chimera/runtime/crash-point'
import type { Logger } from '@chimera/runtime/log'
import type { Metrics } from '@chimera/runtime/metrics'

import type { Bells } from '../bells.ts'
import { openGates } from '../gate.ts'
import { openCommitLoop } from './commit-loop.ts'
import { openHands, type InHand } from './hands.ts'
import { openLeaseLoop } from './lease-loop.ts'
import { runTask, type Bench } from './run-task.ts'
import { openSuspects } from './suspects.ts'

/** A doorbell that rang for a task. */
export type TaskBell = TaskRing & Readonly<{ traceparent?: string | undefined }>

/** Rings that lead to no task of theirs. */
export type Refused = Readonly<{ unknown: ReadonlySet<string>; foreign: ReadonlySet<string> }>

/** Where a Worker's tasks are claimed, run and committed. */
export type TaskDesk = AsyncDisposable &
  Readonly<{
    /**
     * Claims what of the tasks is ready and starts it; returns when the claim is committed, not
     * when the tasks are done. Waits while too much is in hand. Throws when the claim failed:
     * ring again.
     */
    take: (bells: readonly TaskBell[], signal?: AbortSignal) => Promise<Refused>
    inHand: () => number
  }>

/** What a desk works with. */
export type DeskParts = Readonly<{
  database: TenantDatabase
  bench: Bench
  bells: Bells
  worker: string
  leaseMs: number
  log: Logger
  metrics: Metrics
  crash: Crash
}>

/** Claims of a full batch are taken on top, so that up to twice as many can be in hand. */
const MAX_IN_HAND = 500

/**
 * A task whose Workers died more often may be what kills them: from then on it runs as a suspect.
 */
const MOST_LEASES_LOST = 1

/** At a stop, what is nearly done may end; the rest is handed back. The process has 8 s in all. */
const DRAIN_GRACE_MS = 3_000

const NOTHING_REFUSED: Refused = { unknown: new Set(), foreign: new Set() }

/**
 * Opens the desk, with its lease and commit loops. Disposing hands back what does not end by
 * itself.
 */
export function openTaskDesk(of: DeskParts): TaskDesk {
  const { database, metrics } = of
  const hands = openHands()
  const commits = openCommitLoop({
    ...of,
    onSettled: (task, isMine) => {
      hands.settle(task)
      metrics.tasks.inc({ kind: task.kind, outcome: isMine ? 'settled' : 'lost' })
    },
  })
  const leases = openLeaseLoop({
    ...of,
    held: hands.tasks,
    lost: (tasks) => hands.abort(tasks, 'another worker has it by now'),
  })
  const gates = openGates((kind) => of.bench.executors.get(kind)?.concurrency ?? 1)
  const start = async (held: InHand): Promise<void> => {
    const { task, traceparent, running } = held
    const ending = await gates.run(task.kind, () => runTask(of.bench, task, running))
    of.crash('worker.task.executed')
    commits.add({ task, traceparent, ending })
  }
  const claim = async (rings: readonly TaskBell[], most?: number): Promise<InHand[]> => {
    const started = await claimAll(of, rings, most)
    const added = started.map(({ task, traceparent }) => hands.add(task, traceparent))
    // Only an InvariantError rejects this; uncaught, it ends the process, and a fresh one starts.
    for (const held of added) void start(held)
    return added
  }
  const suspects = openSuspects<TaskBell>({ claim: (bell) => claim([bell]), log: of.log })

  return {
    async take(bells, signal) {
      await hands.room(MAX_IN_HAND, signal)
      const started = new Set((await claim(bells, MOST_LEASES_LOST)).map(({ task }) => task.id))
      const left = bells.filter(({ id }) => !started.has(id))
      if (left.length === 0) return NOTHING_REFUSED
      const ids = left.map(({ id }) => id)
      // Whose they are, not whose they are said to be: a ring may name another tenant.
      const tenantIds = await findBatchTenants(database, { of: 'tasks', ids })
      const rows = await database.as({ tenantIds }, () =>
        lookAtUnclaimed(database, { ids, mostLeasesLost: MOST_LEASES_LOST }),
      )
      suspects.add(left.filter((bell) => rows.get(bell.id)?.isSuspect && !isForeign(bell, rows)))
      return {
        unknown: new Set(ids.filter((id) => !rows.has(id))),
        foreign: new Set(left.filter((bell) => isForeign(bell, rows)).map(({ id }) => id)),
      }
    },
    inHand: hands.count,
    async [Symbol.asyncDispose]() {
      suspects.stop()
      await Promise.race([hands.empty(), delay(DRAIN_GRACE_MS)])
      hands.abort(hands.tasks(), 'the worker stops')
      await hands.empty()
      await commits.idle()
      leases[Symbol.dispose]()
    },
  }
}

async function claimAll(
  of: DeskParts,
  rings: readonly TaskBell[],
  mostLeasesLost: number | undefined,
) {
  const most = mostLeasesLost === undefined ? {} : { mostLeasesLost }
  const tenantIds = await tenantsOf(of.database, rings)
  const { tasks, moves } = await of.database.as({ tenantIds }, () =>
    claimTasks(of.database, { ...of, rings, ...most }),
  )
  if (tasks.length === 0) return []
  of.crash('worker.task.claimed')
  await of.bells.feed(moves).catch((err: unknown) => {
    of.log.warn({ err }, 'the feed was not told of claims')
  })
  const traces = new Map(rings.map(({ id, traceparent }) => [id, traceparent]))
  return tasks.map((task) => ({ task, traceparent: traces.get(task.id) }))
}

/** The swarm's own rings name their tenants; those of other producers need not. */
async function tenantsOf(
  database: TenantDatabase,
  rings: readonly TaskBell[],
): Promise<readonly string[]> {
  const named = rings.flatMap(({ tenantId }) => tenantId ?? [])
  const ids = rings.flatMap(({ id, tenantId }) => (tenantId === undefined ? [id] : []))
  const found = await findBatchTenants(database, { of: 'tasks', ids })
  return [...new Set([...named, ...found])]
}

const isForeign = ({ id, tenantId }: TaskBell, rows: ReadonlyMap<string, Unclaimed>): boolean =>
  tenantId !== undefined && rows.has(id) && rows.get(id)?.tenantId !== tenantId
