import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

import { RetryableError, TerminalError } from '@chimera/contracts/errors'

import { openLedgerFile } from './ledger-file.ts'

const MAX_TRIES = 20
const TRY_AGAIN_MS = 100
const SUFFIX = '.sqlite'

/** A ledger of a state directory: `<server>/<account>.sqlite`. */
export type LedgerPlace = { readonly server: string; readonly file: string; readonly path: string }

/** Every ledger file below a folder of ledgers. */
export function listLedgers(folder: string): LedgerPlace[] {
  const servers = readdirSync(folder, { withFileTypes: true }).filter((one) => one.isDirectory())
  return servers.flatMap(({ name: server }) =>
    readdirSync(path.join(folder, server))
      .filter((file) => file.endsWith(SUFFIX))
      .map((file) => ({
        server,
        file: path.join(folder, server, file),
        path: `${server}/${file}`,
      })),
  )
}

/**
 * Copies a ledger, with its write-ahead log, and plays that back into the copy (design.md section
 * 12). The file itself is never opened with SQLite. One that changes meanwhile is copied again; a
 * live holder that never rests ends in UNAVAILABLE.
 */
export async function copyLedger(file: string, target: string): Promise<void> {
  mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 })
  for (let tries = 1; ; tries += 1) {
    try {
      copyWhole(file, target)
      // Proves that it can be read, and leaves one file without a log beside it.
      openLedgerFile(target, '')[Symbol.dispose]()
      return
    } catch (cause) {
      removeLedger(target)
      if (tries >= MAX_TRIES) {
        const why = cause instanceof Error ? cause.message : String(cause)
        throw new RetryableError('UNAVAILABLE', `The ledger ${file} cannot be copied: ${why}`, {
          cause,
        })
      }
      await sleep(TRY_AGAIN_MS)
    }
  }
}

/** Removes a copy of a ledger, never a ledger in its place. */
export function removeLedger(copy: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(copy + suffix, { force: true })
}

/** Throws LEDGER_HELD while a process holds the ledger: its next commit would be missed. */
export function refuseHeldLedger(file: string): void {
  const database = new DatabaseSync(file, { timeout: 1_000 })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; ROLLBACK')
  } catch (cause) {
    if (!(cause instanceof Error && /locked|busy/.test(cause.message))) throw cause
    throw new TerminalError('LEDGER_HELD', `A process holds the ledger ${file}; end it first.`, {
      cause,
    })
  } finally {
    database.close()
  }
}

function copyWhole(file: string, target: string): void {
  removeLedger(target)
  const before = stamp(file)
  copyFileSync(file, target)
  if (stamp(`${file}-wal`) !== undefined) copyFileSync(`${file}-wal`, `${target}-wal`)
  chmodSync(target, 0o600)
  if (before !== stamp(file)) throw new Error('it changed while it was copied')
}

/** What a write changes. */
function stamp(file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true })
  return stat === undefined ? undefined : `${stat.ino} ${stat.size} ${stat.mtimeNs}`
}
