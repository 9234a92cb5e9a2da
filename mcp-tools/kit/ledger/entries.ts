import type { DatabaseSync, SQLInputValue } from 'node:sqlite'

import { InvariantError } from '@chimera/contracts/errors'
import { z } from 'zod'

import { openArchive } from './archive.ts'
import { openEntryFacts } from './entry-facts.ts'
import { openEntryWrites } from './entry-writes.ts'
import { Entry } from './entry.ts'
import { openSpends } from './spends.ts'

/** States in which the effect has happened, or may have. */
const MAY_HAVE_HAPPENED = "('CLAIMED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN')"
// The sign keeps the index of the open rounds out of it, which would be read from end to end.
const COUNTS = `+state IN ${MAY_HAVE_HAPPENED} AND mode <> 'dry'`
/** As the index of open entries has it, or it could not be used. */
const IS_OPEN = "state IN ('CLAIMED', 'UNKNOWN', 'NEEDS_HUMAN')"

const Count = z.object({ n: z.int() })
const Open = z.object({ state: z.enum(['CLAIMED', 'UNKNOWN', 'NEEDS_HUMAN']), n: z.int() })
const Latest = z.object({ latest: z.int().nullable() })

/** The entries of a ledger. Reads see what is committed and what the running transaction wrote. */
export type Entries = ReturnType<typeof openEntries>

/** `seq` answers the number of the running commit: every row that is written carries it. */
export function openEntries(database: DatabaseSync, seq: () => number) {
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
  const adopted = database.prepare(
    "SELECT count(*) AS n FROM entries WHERE state = 'UNKNOWN' AND adopted_ms IS NOT NULL",
  )
  const byRef = selectFrom('all_entries', 'account = ? AND provider_ref = ?')
  const nth = database.prepare(`
    SELECT left_by_ms AS latest FROM entries
    WHERE tool = ? AND left_by_ms IS NOT NULL AND ${COUNTS}
    ORDER BY left_by_ms DESC LIMIT 1 OFFSET ?`)
  // Unknown ones count however old: they may still turn out to have happened now.
  const count = database.prepare(`
    SELECT (SELECT count(*) FROM entries WHERE tool = :tool AND left_by_ms > :since AND ${COUNTS})
      + (SELECT count(*) FROM entries WHERE ${IS_OPEN} AND state <> 'CLAIMED' AND tool = :tool
        AND mode <> 'dry' AND coalesce(left_by_ms, 0) <= :since) AS n`)
  const open = database.prepare(
    `SELECT state, count(*) AS n FROM entries WHERE ${IS_OPEN} GROUP BY state`,
  )
  const leftByOfNth = (tool: string, n: number): number | undefined =>
    Latest.optional().parse(nth.get(tool, n))?.latest ?? undefined
  const get = (grantId: string): Entry => {
    const [entry] = byGrant(grantId)
    if (entry === undefined) throw new InvariantError(`Grant ${grantId} is not in the ledger.`)
    return entry
  }
  const spends = openSpends(database)
  const writes = openEntryWrites({ database, seq, spends })
  const memo = { hasNoneAdopted: false }
  const all = database.prepare('SELECT * FROM all_entries ORDER BY seq, effect_key, round')

  return {
    ...writes,
    adopt: (...given: Parameters<typeof writes.adopt>): void => {
      memo.hasNoneAdopted = false
      writes.adopt(...given)
    },
    markAdopted: (...given: Parameters<typeof writes.markAdopted>): void => {
      memo.hasNoneAdopted = false
      writes.markAdopted(...given)
    },
    ...openArchive(database),
    ...openEntryFacts(database),
    spendsOf: spends.of,
    spentSince: spends.since,
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
    /** How many adopted entries nobody can tell of yet. */
    adoptedUnknown: (): number => {
      // Asked several times a call; none become one only by an adoption, which takes a new start
      // or `adopt` and `markAdopted`.
      if (memo.hasNoneAdopted) return 0
      const { n } = Count.parse(adopted.get())
      if (!database.isTransaction) memo.hasNoneAdopted = n === 0
      return n
    },
    /** How many are open, by state. */
    openCounts: () => {
      const counts = { CLAIMED: 0, UNKNOWN: 0, NEEDS_HUMAN: 0 }
      for (const row of open.all()) {
        const { state, n } = Open.parse(row)
        counts[state] = n
      }
      return counts
    },
    /** Other open entries that the provider's content could belong to. */
    rivalsOf: (grantId: string): Entry[] => rivals(grantId),
    byProviderRef: (account: string, ref: string): Entry | undefined => byRef(account, ref)[0],
    /** When the last effect of a tool can have left, dry ones aside. */
    lastLeftBy: (tool: string): number | undefined => leftByOfNth(tool, 0),
    /** Effects of a tool that left after `sinceMs`, or may have. */
    countSince: (tool: string, since: number): number => Count.parse(count.get({ tool, since })).n,
    /** When the n-th latest effect of a tool can have left, if there are that many. */
    leftByOfLatest: (tool: string, n: number): number | undefined => leftByOfNth(tool, n - 1),
    /**
     * Archived ones too, in the order of their commits. To be consumed without awaiting: a write
     * would cut it short.
     */
    *all(): Generator<Entry> {
      for (const row of all.iterate()) yield Entry.parse(row)
    },
  }
}
