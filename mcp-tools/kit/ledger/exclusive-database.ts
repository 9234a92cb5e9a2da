import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { RetryableError, TerminalError } from '@chimera/contracts/errors'

/** A dead reader may hold the lock for a moment longer (design.md section 12). */
const LOCK_WAIT_MS = 1_000

/** A ledger of a year of posts; SQLite's own 2 MiB hold its newest few thousand entries. */
const CACHE_KIB = 16_384

/** SQLITE_BUSY and SQLITE_LOCKED; the low byte of an extended code. */
const HELD_CODES: ReadonlySet<number> = new Set([5, 6])
/** SQLITE_IOERR and SQLITE_FULL: a disk that is full, or over its quota, or broken. */
const UNWRITABLE_CODES: ReadonlySet<number> = new Set([10, 13])

/**
 * Opens a SQLite file that nobody else can open for the life of this connection, readers included.
 * `locking_mode=EXCLUSIVE` takes no lock by itself: the first write does, and the caller's write of
 * the boot comes right after. Never open, read or copy the file by other means in this process:
 * POSIX drops a process's locks when any of its descriptors of the file is closed. Throws
 * LEDGER_HELD when another process has it.
 */
export function openExclusiveDatabase(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const database = new DatabaseSync(path, { timeout: LOCK_WAIT_MS })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL')
    database.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
    // What savepoints could roll back to goes to a file in /var/tmp otherwise, page by page: eight
    // of nine writes of a busy server (bench/tool-call), and one more disk that can be full.
    database.exec('PRAGMA temp_store = MEMORY')
    database.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
    return database
  } catch (cause) {
    database.close()
    throw heldOr(cause, path)
  }
}

/** What a failed statement means while the lock is not certain yet. */
export function heldOr(cause: unknown, path: string): unknown {
  if (!HELD_CODES.has(codeOf(cause))) return unwritableOr(cause, path)
  return new TerminalError('LEDGER_HELD', `Another process holds the ledger ${path}.`, { cause })
}

/** What a failed commit means. Nothing of it is in the file. */
export function unwritableOr(cause: unknown, path: string): unknown {
  if (!(cause instanceof Error) || !UNWRITABLE_CODES.has(codeOf(cause))) return cause
  const message = `The ledger ${path} cannot be written: ${cause.message}.`
  return new RetryableError('LEDGER_UNWRITABLE', message, { cause })
}

/** SQLite's primary code; 0 for what is not SQLite's. */
function codeOf(cause: unknown): number {
  const isCoded = cause instanceof Error && 'errcode' in cause && typeof cause.errcode === 'number'
  return isCoded ? Number(cause.errcode) & 0xff : 0
}
