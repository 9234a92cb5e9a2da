import type { DatabaseSync, SQLInputValue } from 'node:sqlite'

import { InvariantError } from '@chimera/contracts/errors'

import { openArchive } from './archive.ts'
import { IS_OPEN, openEntryCounts } from './entry-counts.ts'
import { openEntryFacts } from './entry-facts.ts'
import { openEntryWrites } from './entry-writes.ts'
import { Entry } from './entry.ts'
import { openSpends } from './spending/spends.ts'

/** The entries of a ledger. Reads see what is committed and what the running transaction wrote. */
export type Entries = ReturnType<typeof openEntries>

/**
 * `seq` answers the number of the running commit: every row that is written carries it;
 * `committed` that of the last durable one.
 */
export function openEntries(database: DatabaseSync, seq: () => number, committed: () => number) {
  const selectFrom = (table: 'entries' | 'all_entries', where: string) => {
    const statement = database.prepare(`SELECT * FROM ${table} WHERE ${where}`)
    return (...values: SQLInputValue[]): Entry[] =>
      statement.all(...values).map((row) => Entry.parse(row))
  }
  const select = (where: string) => selectFrom('entries', where)
  // What was archived is as known as ever.
  const byGrant = selectFrom('all_entries', 'grant_id = ?')
  const byKey = selectFrom('all_entries', 'effect_key = ? ORDER BY round DESC')
  const byState = select(`${IS_OPEN} AND state = ? ORDER BY claimed_ms, effect_key, round`)
  const inFlight = select(`${IS_OPEN} AND state <> 'NEEDS_HUMAN' ORDER BY claimed_ms`)
  const rivals = select(`${IS_OPEN} AND content IS NOT NULL AND grant_id <> ?`)
  const byIntent = selectFrom(
    'all_entries',
    "(effect_key = ?1 OR (effect_key > ?1 || '@' AND effect_key < ?1 || 'A')) " +
      'ORDER BY claimed_ms DESC, round DESC LIMIT 1',
  )
  const changed = select('seq > ? ORDER BY seq')
  const byRef = selectFrom('all_entries', 'account = ? AND provider_ref = ?')
  const get = (grantId: string): Entry => {
    const [entry] = byGrant(grantId)
    if (entry === undefined) throw new InvariantError(`Grant ${grantId} is not in the ledger.`)
    return entry
  }
  const spends = openSpends(database, committed)
  const writes = openEntryWrites({ database, seq, spends })
  const { noteAdoption, ...counts } = openEntryCounts(database)
  const all = database.prepare('SELECT * FROM all_entries ORDER BY seq, effect_key, round')

  return {
    ...writes,
    adopt: (...given: Parameters<typeof writes.adopt>): void => {
      noteAdoption()
      writes.adopt(...given)
    },
    markAdopted: (...given: Parameters<typeof writes.markAdopted>): void => {
      noteAdoption()
      writes.markAdopted(...given)
    },
    ...counts,
    ...openArchive(database),
    ...openEntryFacts(database, committed),
    spendsOf: spends.of,
    spentIn: spends.spentIn,
    firstSentTo: spends.firstSentTo,
    get,
    byGrant: (grantId: string): Entry | undefined => byGrant(grantId)[0],
    /** All rounds of a slot, the highest first. */
    ofKey: (effectKey: string): Entry[] => byKey(effectKey),
    /** The newest entry of a client's intent: under its key, or its key, `@` and a time. */
    latestOfIntent: (key: string): Entry | undefined => byIntent(key)[0],
    inState: (state: 'CLAIMED' | 'UNKNOWN' | 'NEEDS_HUMAN'): Entry[] => byState(state),
    /** Claimed or unknown: what may still be on its way. */
    inFlight: (): Entry[] => inFlight(),
    /** Those that a later commit than this one has written. */
    changedSince: (commit: number): Entry[] => changed(commit),
    /** Other open entries that the provider's content could belong to. */
    rivalsOf: (grantId: string): Entry[] => rivals(grantId),
    byProviderRef: (account: string, ref: string): Entry | undefined => byRef(account, ref)[0],
    /**
     * Archived ones too, in the order of their commits. To be consumed without awaiting: a write
     * would cut it short.
     */
    *all(): Generator<Entry> {
      for (const row of all.iterate()) yield Entry.parse(row)
    },
  }
}
