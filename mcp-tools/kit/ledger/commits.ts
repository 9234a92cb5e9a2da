import type { DatabaseSync } from 'node:sqlite'

import { ChimeraError, InvariantError } from '@chimera/contracts/errors'
import { z } from 'zod'

import { unwritableOr } from './exclusive-database.ts'

/** Whether the ledger can be written changed: why it cannot, or nothing when it can again. */
export type OnWritable = (fault: ChimeraError | undefined) => void

/** A full disk stays full for longer; somebody asks every second or two. */
const TRY_AGAIN_MS = 500

const Changes = z.object({ n: z.int() })

/**
 * The durable commits of a ledger, a number each.
 *
 * @param given.save - writes the number, and with it a page: what a trial writes too
 */
export function openCommits(given: {
  database: DatabaseSync
  path: string
  /** The number of the running commit, or of the last; and of the last that is durable. */
  state: { seq: number; committed: number }
  save: (seq: number) => void
  monotonic: () => number
  onWritable: OnWritable
}) {
  const { database, state, path } = given
  const changes = database.prepare('SELECT total_changes() AS n')
  let fault: { error: ChimeraError; triedMs: number } | undefined

  const note = (cause: unknown): unknown => {
    const error = unwritableOr(cause, path)
    if (!(error instanceof ChimeraError) || error.code !== 'LEDGER_UNWRITABLE') return error
    if (fault === undefined) given.onWritable(error)
    fault = { error, triedMs: given.monotonic() }
    return error
  }
  const noteWritten = (): void => {
    if (fault === undefined) return
    fault = undefined
    given.onWritable(undefined)
  }
  const commit = <T>(work: () => T): T => {
    if (database.isTransaction) throw new InvariantError('A ledger commit was begun in another.')
    const before = state.seq
    const changesBefore = Changes.parse(changes.get()).n
    try {
      database.exec('BEGIN IMMEDIATE')
      state.seq += 1
      const result = work()
      if (isThenable(result)) throw new InvariantError('A ledger commit may not await.')
      if (Changes.parse(changes.get()).n === changesBefore) {
        state.seq = before
        database.exec('ROLLBACK')
        return result
      }
      given.save(state.seq)
      database.exec('COMMIT')
      state.committed = state.seq
      noteWritten()
      return result
    } catch (error) {
      state.seq = before
      // A full disk may have ended it already.
      if (database.isTransaction) database.exec('ROLLBACK')
      throw note(error)
    }
  }
  const tryAgainIfDue = (): void => {
    const isDue = fault !== undefined && given.monotonic() - fault.triedMs >= TRY_AGAIN_MS
    if (!isDue || database.isTransaction) return
    try {
      commit(() => given.save(state.seq))
    } catch (error) {
      if (!(error instanceof ChimeraError)) throw error
    }
  }
  const transact = <T>(work: () => T): T => {
    tryAgainIfDue()
    return commit(work)
  }
  return {
    transact,
    ...shareCommits({ database, path, transact }),
    /** Why nothing can be written, as far as is known; tries again from time to time. */
    unwritable: (): string | undefined => {
      tryAgainIfDue()
      return fault?.error.message
    },
  }
}

/** A piece of work of a shared commit, and whoever waits for it. */
type Shared = Readonly<{ run: () => void; done: () => void; fail: (cause: unknown) => void }>

/** Work that a commit takes along at most; the loop stands still meanwhile. */
const MAX_SHARED = 128

/**
 * A write to the disk takes as long as a hundred turns of the loop: it waits for company as long as
 * more comes, that is until so many turns have brought nothing, and not for more than so many.
 */
const LONELY_TURNS = 2
const MAX_TURNS = 16

/** One write to the disk for everything that comes in the same few turns of the loop. */
function shareCommits(given: {
  database: DatabaseSync
  path: string
  transact: <T>(work: () => T) => T
}) {
  const { database, path, transact } = given
  let waiting: Shared[] = []
  const gather = (seen: number, lonely: number, turns: number): void => {
    const alone = waiting.length > seen ? 0 : lonely + 1
    const isFull = waiting.length >= MAX_SHARED || turns >= MAX_TURNS
    if (alone >= LONELY_TURNS || isFull) flush()
    else setImmediate(gather, waiting.length, alone, turns + 1)
  }
  const flush = (): void => {
    const batch = waiting.slice(0, MAX_SHARED)
    waiting = waiting.slice(MAX_SHARED)
    if (waiting.length > 0) setImmediate(gather, 0, 0, 0)
    try {
      transact(() => {
        for (const { run } of batch) run()
      })
    } catch (cause) {
      for (const { fail } of batch) fail(cause)
      return
    }
    for (const { done } of batch) done()
  }
  const begin = database.prepare('SAVEPOINT apart')
  const release = database.prepare('RELEASE apart')
  const rollback = database.prepare('ROLLBACK TO apart')
  const apart = <T>(work: () => T): Apart<T> => {
    begin.run()
    try {
      const result = work()
      release.run()
      return { isDone: true, result }
    } catch (cause) {
      // A disk that is full ends the whole commit, and with it everybody's.
      if (!database.isTransaction || unwritableOr(cause, path) !== cause) throw cause
      rollback.run()
      release.run()
      return { isDone: false, cause }
    }
  }
  return {
    apart,
    share: async <T>(work: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        const fail: (cause: unknown) => void = reject
        let tell = (): void => fail(new InvariantError('Shared work was not done.'))
        waiting.push({
          run: () => {
            const outcome = apart(work)
            tell = outcome.isDone ? () => resolve(outcome.result) : () => fail(outcome.cause)
          },
          done: () => tell(),
          fail,
        })
        if (waiting.length === 1) setImmediate(gather, 0, 0, 0)
      }),
  }
}

/** What came of work that stands or falls by itself within a commit. */
export type Apart<T> = Readonly<{ isDone: true; result: T } | { isDone: false; cause: unknown }>

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value
}
