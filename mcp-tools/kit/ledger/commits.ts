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
  state: { seq: number }
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
  return {
    transact: <T>(work: () => T): T => {
      tryAgainIfDue()
      return commit(work)
    },
    /** Why nothing can be written, as far as is known; tries again from time to time. */
    unwritable: (): string | undefined => {
      tryAgainIfDue()
      return fault?.error.message
    },
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value
}
