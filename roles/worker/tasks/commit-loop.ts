import { canonicalHash } from '@chimera/contracts/canonical'
import { ChimeraError } from '@chimera/contracts/errors'
import { MAX_BATCH } from '@chimera/contracts/streams'
import type { Database } from '@chimera/infra/database/open-database'
import type { TaskMove } from '@chimera/infra/database/tasks/audited-moves'
import type { ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'
import { commitResults, type FinishedTask } from '@chimera/infra/database/tasks/commit-results'
import { releaseTasks, type ReleasedTask } from '@chimera/infra/database/tasks/release-tasks'
import { backoffMs, delay } from '@chimera/runtime/backoff'
import type { Crash } from '@chimera/runtime/crash-point'
import type { Logger } from '@chimera/runtime/log'

import type { Bells } from '../bells.ts'
import { failed, type Ending } from './attempt-ending.ts'

/** An attempt that has ended. */
export type Done = Readonly<{
  task: ClaimedTask
  traceparent: string | undefined
  ending: Ending
}>

export type CommitLoop = Readonly<{
  /** Commits with whatever else has ended by then. */
  add: (done: Done) => void
  /** Resolves when nothing is left to commit. */
  idle: () => Promise<void>
}>

type Options = Readonly<{
  database: Database
  worker: string
  bells: Bells
  log: Logger
  crash: Crash
  /** Told once per task: committed, released, or somebody else's by now. */
  onSettled: (task: ClaimedTask, isMine: boolean) => void
}>

/** Deadlocks and serialization failures pass; whatever fails alone this often will not. */
const MAX_TRIES_ALONE = 3

/**
 * Commits what has ended in small batches, as it comes: a batch is what ended while the last one
 * was being committed, up to 500. A slow task holds up nothing but itself.
 */
export function openCommitLoop(of: Options): CommitLoop {
  let waiting: Done[] = []
  let isRunning = false
  let idlers: (() => void)[] = []
  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH)
      waiting = waiting.slice(MAX_BATCH)
      await commitBatch(of, batch)
    }
    isRunning = false
    for (const resolve of idlers) resolve()
    idlers = []
  }
  return {
    add(done) {
      waiting.push(done)
      if (isRunning) return
      isRunning = true
      // All that ends in this turn of the loop goes into one batch. A defect in `run` is
      // uncaught, on purpose: the process ends and a fresh one takes the leases back.
      setImmediate(() => void run())
    },
    async idle() {
      if (!isRunning) return
      const { promise, resolve } = Promise.withResolvers<void>()
      idlers.push(resolve)
      await promise
    },
  }
}

/** Halves a batch that the database refuses until the culprit stands alone. */
async function commitBatch(of: Options, batch: readonly Done[], tries = 1): Promise<void> {
  try {
    await commitOnce(of, batch)
    return
  } catch (error) {
    if (error instanceof ChimeraError && error.kind !== 'retryable') throw error
    if (error instanceof ChimeraError) {
      of.log.warn({ err: error, tasks: batch.length }, 'results wait for the database')
      await delay(backoffMs('batch', tries, Math.random))
      return commitBatch(of, batch, tries + 1)
    }
    const [only, ...others] = batch
    if (only === undefined) return
    if (others.length > 0) {
      const middle = Math.ceil(batch.length / 2)
      await commitBatch(of, batch.slice(0, middle))
      return commitBatch(of, batch.slice(middle))
    }
    of.log.error({ err: error, task: only.task.id, tries }, 'the database refused a result')
    if (tries < MAX_TRIES_ALONE) return commitBatch(of, batch, tries + 1)
    if (tries > MAX_TRIES_ALONE) return of.onSettled(only.task, false)
    const ending = failed('terminal', 'INPUT_INVALID', 'The record could not take the result.')
    return commitBatch(of, [{ ...only, ending }], tries + 1)
  }
}

async function commitOnce(of: Options, batch: readonly Done[]): Promise<void> {
  const { database, worker } = of
  const finished: FinishedTask[] = []
  const returned: ReleasedTask[] = []
  for (const { task, ending } of batch) {
    const held = { id: task.id, versionId: task.versionId }
    if (ending.to === 'judge') {
      const { outcome, outputHash } = ending
      finished.push({ ...held, outcome, outputHash, inputHash: canonicalHash(task.payload) })
    } else {
      const { delayMs, spendsRetry, reason } = ending
      const wait = delayMs === undefined ? {} : { delayMs }
      returned.push({ ...held, ...wait, spendsRetry, reason })
    }
  }
  const { committed, moves } = await commitResults(database, { tasks: finished, worker })
  if (finished.length > 0) of.crash('worker.result.committed')
  const back = await releaseTasks(database, { tasks: returned, worker })
  await tell(of, batch, { committed, released: back.released, moves: [...moves, ...back.moves] })
}

async function tell(
  of: Options,
  batch: readonly Done[],
  did: { committed: Set<string>; released: Set<string>; moves: readonly TaskMove[] },
): Promise<void> {
  const { bells, log } = of
  const judged = batch.filter(({ task }) => did.committed.has(task.id))
  const handedOn = batch.filter(
    ({ task, ending }) =>
      did.released.has(task.id) && ending.to === 'ready' && ending.delayMs === undefined,
  )
  try {
    await bells.ringJudge(
      judged.map(({ task, traceparent }) => ({
        ring: { look_at: 'task', id: task.id },
        tenantId: task.tenantId,
        traceparent,
      })),
    )
    if (judged.length > 0) of.crash('worker.result.published')
    await bells.ringWorkers(handedOn)
    await bells.feed(did.moves)
  } catch (err) {
    log.warn({ err, tasks: did.committed.size }, 'committed, but nobody was rung; the Keeper will')
  }
  for (const { task } of batch) {
    of.onSettled(task, did.committed.has(task.id) || did.released.has(task.id))
  }
}
