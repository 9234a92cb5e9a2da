import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

import { RetryableError } from '@chimera/contracts/errors'
import { LedgerLine } from '@chimera/contracts/tool-control'

const MAX_TRIES = 20
const TRY_AGAIN_MS = 100

/**
 * The columns that are read of the kit's table (`mcp-tools/kit/ledger/ledger-schema.ts`), under the
 * names of the observable schema.
 */
const LINES = (
  table: string,
): string => `SELECT effect_key, round, grant_id, args_hash, state, claimed_ms, boot,
    incarnation AS record_incarnation, seq
  FROM ${table} ORDER BY seq, effect_key, round`

/**
 * Reads a ledger that nobody serves (design.md section 12): never the file itself, which would need
 * its lock and could drop another's, but a copy of it and of its write-ahead log. A file that
 * changes while it is copied is copied again. Throws UNAVAILABLE when it never comes to rest.
 */
export async function readDeadLedger(file: string): Promise<LedgerLine[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chimera-ledger-'))
  try {
    for (let tries = 1; ; tries += 1) {
      try {
        return readCopy(copy(file, folder))
      } catch (cause) {
        if (tries >= MAX_TRIES) {
          throw new RetryableError('UNAVAILABLE', `The ledger ${file} cannot be read now.`, {
            cause,
          })
        }
        await sleep(TRY_AGAIN_MS)
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Both files as they were at one moment. */
function copy(file: string, folder: string): string {
  const target = path.join(folder, 'ledger.sqlite')
  for (const suffix of ['', '-wal', '-shm']) rmSync(target + suffix, { force: true })
  const before = stamp(file)
  copyFileSync(file, target)
  if (stamp(`${file}-wal`) !== undefined) copyFileSync(`${file}-wal`, `${target}-wal`)
  if (before !== stamp(file)) throw new Error('the ledger changed while it was copied')
  return target
}

/** What a write changes. */
function stamp(file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true })
  return stat === undefined ? undefined : `${stat.ino} ${stat.size} ${stat.mtimeNs}`
}

function readCopy(file: string): LedgerLine[] {
  // Opened for writing, because the write-ahead log has to be played back into the copy.
  const database = new DatabaseSync(file)
  try {
    // Archived entries as well, in a ledger that is new enough to have any.
    const view = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'all_entries'").get()
    return database
      .prepare(LINES(view === undefined ? 'entries' : 'all_entries'))
      .all()
      .map(({ claimed_ms: claimed, ...line }) =>
        LedgerLine.parse({
          ...line,
          claimed_at: typeof claimed === 'number' ? new Date(claimed).toISOString() : null,
        }),
      )
  } finally {
    database.close()
  }
}
