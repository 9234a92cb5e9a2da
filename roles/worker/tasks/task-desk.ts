import { headStartOf } from '@chimera/domain/turns/head-start'
import type { ClaimedTask, TaskRing } from '@chimera/infra/database/tasks/claim-tasks'
import { turnsWait } from '@chimera/infra/database/tasks/find-turns'
import { letWait } from '@chimera/infra/database/tasks/let-wait'
import { lookAtUnclaimed, type Unclaimed } from '@chimera/infra/database/tasks/look-at-unclaimed'
import { findBatchTenants } from '@chimera/infra/database/tenancy/find-batch-tenants'
import { delay } from '@chimera/runtime/backoff'
import type { Metrics } from '@chimera/runtime/metrics'

import { openGates } from '../gate.ts'
import { claimRung, claimTurns, type ClaimParts } from './claim-batches.ts'
import { openCommitLoop } from './commit-loop.ts'
import { openHands, type Hands, type InHand } from './hands.ts'
import { openLeaseLoop } from './lease-loop.ts'
import { openQueueShare } from './queue-share.ts'
import { runTask, type Bench } from './run-task.ts'
import { openSuspects, type Suspects } from './suspects.ts'
import { openTurnLoop, type TurnLoop } from './turn-loop.ts'

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
export type DeskParts = ClaimParts & Readonly<{ bench: Bench; metrics: Metrics }>

/** Claims of a full batch are taken on top, so that up to twice as many can be in hand. */
const MAX_IN_HAND = 500

/** How long full hands make everybody wait; then only those tenants whose tasks fill them. */
const PATIENCE_MS = 500
const CROWD = MAX_IN_HAND / 2

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
  const share = openQueueShare(hands, () => performance.now())
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
    const place = { sort: task.kind, party: task.tenantId }
    const ending = await gates.run(place, () => runTask(of.bench, task, running))
    of.crash('worker.task.executed')
    commits.add({ task, traceparent, ending })
  }
  const begin = (tasks: readonly ClaimedTask[], bells: readonly TaskBell[] = []): InHand[] => {
    share.note(tasks)
    const traces = new Map(bells.map(({ id, traceparent }) => [id, traceparent]))
    const added = tasks.map((task) => hands.add(task, traces.get(task.id)))
    // Only an InvariantError rejects this; uncaught, it ends the process, and a fresh one starts.
    for (const held of added) void start(held)
    return added
  }
  const turns = openTurnLoop({
    ...of,
    room: share.room,
    take: async () => {
      const claimed = await claimTurns(of, { ...share.most(), mostLeasesLost: MOST_LEASES_LOST })
      return begin(claimed).length
    },
    doWait: () => turnsWait(database, of.taskTypes),
    pause: delay,
  })
  const claim = async (bells: readonly TaskBell[], most?: number): Promise<InHand[]> => {
    const tasks = await claimRung(of, bells, most)
    if (tasks.some(({ didWait }) => didWait)) turns.wake()
    return begin(tasks, bells)
  }
  const suspects = openSuspects<TaskBell>({ claim: (bell) => claim([bell]), log: of.log })

  return {
    async take(bells, signal) {
      const welcome = await admit(hands, bells, signal)
      const started = new Set((await claim(welcome, MOST_LEASES_LOST)).map(({ task }) => task.id))
      const left = bells.filter(({ id }) => !started.has(id))
      if (left.length === 0) return NOTHING_REFUSED
      return lookAtLeft(of, left, { suspects, turns })
    },
    inHand: hands.count,
    async [Symbol.asyncDispose]() {
      suspects.stop()
      await turns[Symbol.asyncDispose]()
      await Promise.race([hands.empty(), delay(DRAIN_GRACE_MS)])
      hands.abort(hands.tasks(), 'the worker stops')
      await hands.empty()
      await commits.idle()
      leases[Symbol.dispose]()
    },
  }
}

/**
 * What became of rings that nothing was claimed for: suspects run alone, what could be claimed but
 * for a cap or full hands waits for its turn, and most have simply moved on.
 */
async function lookAtLeft(
  { database, caps }: DeskParts,
  left: readonly TaskBell[],
  to: { suspects: Suspects<TaskBell>; turns: TurnLoop },
): Promise<Refused> {
  const ids = left.map(({ id }) => id)
  // Whose they are, not whose they are said to be: a ring may name another tenant.
  const tenantIds = await findBatchTenants(database, { of: 'tasks', ids })
  const rows = await database.as({ tenantIds }, () =>
    lookAtUnclaimed(database, { ids, mostLeasesLost: MOST_LEASES_LOST }),
  )
  const own = left.filter((bell) => !isForeign(bell, rows))
  to.suspects.add(own.filter(({ id }) => rows.get(id)?.isSuspect))
  const late = own.flatMap(({ id }) => {
    const row = rows.get(id)
    return row?.isLate === true ? [{ id, headStartMs: headStartOf(row.grades) }] : []
  })
  if (late.length > 0) {
    await database.as({ tenantIds }, () => letWait(database, { tasks: late, caps }))
    to.turns.wake()
  }
  return {
    unknown: new Set(ids.filter((id) => !rows.has(id))),
    foreign: new Set(left.filter((bell) => isForeign(bell, rows)).map(({ id }) => id)),
  }
}

/**
 * Whose tasks may be claimed now. Full hands make all wait for a while, and then those tenants only
 * whose own tasks fill them: they queue in the record, where the others have their turn.
 */
async function admit(
  hands: Hands,
  bells: readonly TaskBell[],
  signal: AbortSignal | undefined,
): Promise<readonly TaskBell[]> {
  if (hands.count() < MAX_IN_HAND) return bells
  const enough = new AbortController()
  const timer = setTimeout(() => enough.abort(), PATIENCE_MS)
  try {
    await hands.room(MAX_IN_HAND, anyOf(signal, enough.signal))
    return bells
  } catch (error) {
    if (signal?.aborted === true || !enough.signal.aborted) throw error
  } finally {
    clearTimeout(timer)
  }
  const crowds = new Map(bells.map(({ tenantId = '' }) => [tenantId, hands.countOf(tenantId)]))
  const others = bells.filter(({ tenantId = '' }) => (crowds.get(tenantId) ?? 0) < CROWD)
  if (others.length > 0) await hands.room(2 * MAX_IN_HAND - others.length + 1, signal)
  return others
}

const anyOf = (one: AbortSignal | undefined, other: AbortSignal): AbortSignal =>
  one === undefined ? other : AbortSignal.any([one, other])

const isForeign = ({ id, tenantId }: TaskBell, rows: ReadonlyMap<string, Unclaimed>): boolean =>
  tenantId !== undefined && rows.has(id) && rows.get(id)?.tenantId !== tenantId
