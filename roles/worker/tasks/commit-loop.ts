import { ChimeraError } from '@chimera/contracts/errors'
import { MAX_BATCH } from '@chimera/contracts/streams'
import type { ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'
import { backoffMs, delay } from '@chimera/runtime/backoff'

import { failed } from './attempt-ending.ts'
import {
  writeFinished,
  writeReturned,
  type Desk,
  type Done,
  type Finished,
  type Returned,
  type Written,
} from './write-endings.ts'

/** Where endings go. */
export type CommitLoop = Readonly<{
  /** Commits with whatever else has ended by then. */
  add: (done: Done) => void
  /** Resolves when nothing is left to commit, and nobody to be told of it. */
  idle: () => Promise<void>
}>

type Options = Desk &
  Readonly<{
    /** Told once per task: committed, put back, or (false) somebody else's by now. */
    onSettled: (task: ClaimedTask, isMine: boolean) => void
  }>

type Work = Options & Readonly<{ onWritten: (written: Written) => void }>

type Write<D extends Done> = (of: Desk, batch: readonly D[]) => Promise<Written>

/** Deadlocks and serialization failures pass; whatever fails alone this often will not. */
const MAX_TRIES_ALONE = 3

/**
 * Commits what has ended in small batches, as it comes: a batch is what ended while the last one
 * was being committed, up to 500. A slow task holds up nothing but itself.
 */
export function openCommitLoop(options: Options): CommitLoop {
  let waiting: Done[] = []
  let isRunning = false
  let idlers: (() => void)[] = []
  /** The next batch is committed while the others are told of this one. */
  const telling = new Set<Promise<void>>()
  const isIdle = (): boolean => !isRunning && telling.size === 0
  const release = (): void => {
    if (!isIdle()) return
    for (const resolve of idlers) resolve()
    idlers = []
  }
  const of: Work = {
    ...options,
    onWritten: ({ told }) => {
      telling.add(told)
      void told.finally(() => {
        telling.delete(told)
        release()
      })
    },
  }
  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH)
      waiting = waiting.slice(MAX_BATCH)
      const refused: Done[] = [
        ...(await commitFinished(of, batch.filter(isFinished))),
        ...(await commitBatch(of, batch.filter(isReturned), writeReturned)),
      ]
      // Nobody renews their leases any more, and the Keeper takes them back.
      for (const { task } of refused) of.onSettled(task, false)
    }
    isRunning = false
    release()
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
      if (isIdle()) return
      const { promise, resolve } = Promise.withResolvers<void>()
      idlers.push(resolve)
      await promise
    },
  }
}

/** What the record refuses as a result becomes a failure that it can take. */
async function commitFinished(of: Work, batch: readonly Finished[]): Promise<Finished[]> {
  const refused = await commitBatch(of, batch, writeFinished)
  const ending = failed('terminal', 'INPUT_INVALID', 'The record could not take the result.')
  const failures = refused.map((done) => ({ ...done, ending }))
  return commitBatch(of, failures.filter(isFinished), writeFinished)
}

/** Halves a batch that the database refuses until the culprits stand alone, and answers those. */
async function commitBatch<D extends Done>(
  of: Work,
  batch: readonly D[],
  write: Write<D>,
): Promise<D[]> {
  const refused: D[] = []
  const parts: (readonly D[])[] = batch.length === 0 ? [] : [batch]
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const written = await tryToWrite(of, part, write)
    if (written !== undefined) {
      of.onWritten(written)
      for (const { task } of part) of.onSettled(task, written.mine.has(task.id))
      continue
    }
    if (part.length === 1) {
      refused.push(...part)
      continue
    }
    const middle = Math.ceil(part.length / 2)
    parts.push(part.slice(middle), part.slice(0, middle))
  }
  return refused
}

/** Waits for a database that is away; undefined when it is there and refuses. */
async function tryToWrite<D extends Done>(
  of: Work,
  part: readonly D[],
  write: Write<D>,
): Promise<Written | undefined> {
  let refusals = 0
  for (let tries = 1; ; tries += 1) {
    try {
      return await write(of, part)
    } catch (err) {
      if (err instanceof ChimeraError && err.kind !== 'retryable') throw err
      of.log.warn({ err, tasks: part.length, tries }, 'the record did not take what has ended')
      if (!(err instanceof ChimeraError)) {
        refusals += 1
        if (part.length > 1 || refusals >= MAX_TRIES_ALONE) return undefined
      }
      await delay(backoffMs('batch', tries, Math.random))
    }
  }
}

const isFinished = (done: Done): done is Finished => done.ending.to === 'judge'
const isReturned = (done: Done): done is Returned => done.ending.to === 'ready'
