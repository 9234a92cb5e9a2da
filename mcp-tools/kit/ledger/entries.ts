import type { DatabaseSync, SQLInputValue } from 'node:sqlite'

import { InvariantError } from '@chimera/contracts/errors'
import { z } from 'zod'

import { openEntryWrites } from './entry-writes.ts'
import { Entry, type EntryState } from './entry.ts'
import { openSpends } from './spends.ts'

/** States in which the effect has happened, or may have. */
const MAY_HAVE_HAPPENED = "('CLAIMED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN')"
const COUNTS = `state IN ${MAY_HAVE_HAPPENED} AND mode <> 'dry'`

const Count = z.object({ n: z.int() })
const Latest = z.object({ latest: z.int().nullable() })

/** The entries of a ledger. Reads see what is committed and what the running transaction wrote. */
export type Entries = ReturnType<typeof openEntries>

/** `seq` answers the number of the running commit: every row that is written carries it. */
export function openEntries(database: DatabaseSync, seq: () => number) {
  const select = (where: string) => {
    const statement = database.prepare(`SELECT * FROM entries WHERE ${where}`)
    return (...values: SQLInputValue[]): Entry[] =>
      statement.all(...values).map((row) => Entry.parse(row))
  }
  const byGrant = select('grant_id = ?')
  const byKey = select('effect_key = ? ORDER BY round DESC')
  const byState = select('state = ? ORDER BY claimed_ms, effect_key, round')
  const inFlight = select("state IN ('CLAIMED', 'UNKNOWN') ORDER BY claimed_ms")
  const rivals = select(
    "state IN ('CLAIMED', 'UNKNOWN', 'NEEDS_HUMAN') AND content IS NOT NULL AND grant_id <> ?",
  )
  const byIntent = select(
    "(effect_key = ?1 OR (effect_key > ?1 || '@' AND effect_key < ?1 || 'A')) " +
      'ORDER BY claimed_ms DESC, round DESC LIMIT 1',
  )
  const adopted = select("state = 'UNKNOWN' AND adopted_ms IS NOT NULL")
  const byRef = select('account = ? AND provider_ref = ?')
  const latest = database.prepare(
    `SELECT max(left_by_ms) AS latest FROM entries WHERE tool = ? AND ${COUNTS}`,
  )
  const nth = database.prepare(
    `SELECT left_by_ms AS latest FROM entries WHERE tool = ? AND ${COUNTS} ` +
      'ORDER BY left_by_ms DESC LIMIT 1 OFFSET ?',
  )
  // Unknown ones count however old: they may still turn out to have happened now.
  const count = database.prepare(
    `SELECT count(*) AS n FROM entries WHERE tool = ? AND ${COUNTS}
       AND (left_by_ms > ? OR state IN ('UNKNOWN', 'NEEDS_HUMAN'))`,
  )
  const get = (grantId: string): Entry => {
    const [entry] = byGrant(grantId)
    if (entry === undefined) throw new InvariantError(`Grant ${grantId} is not in the ledger.`)
    return entry
  }
  const spends = openSpends(database)
  const all = database.prepare('SELECT * FROM entries ORDER BY seq, effect_key, round')

  return {
    ...openEntryWrites({ database, seq, get, spends }),
    spendsOf: spends.of,
    spentSince: spends.since,
    firstSentTo: spends.firstSentTo,
    get,
    byGrant: (grantId: string): Entry | undefined => byGrant(grantId)[0],
    /** All rounds of a slot, the highest first. */
    ofKey: (effectKey: string): Entry[] => byKey(effectKey),
    /** The newest entry of a client's intent: under its key, or its key, `@` and a time. */
    latestOfIntent: (key: string): Entry | undefined => byIntent(key)[0],
    inState: (state: EntryState): Entry[] => byState(state),
    /** Claimed or unknown: what may still be on its way. */
    inFlight: (): Entry[] => inFlight(),
    /** Adopted entries that nobody can tell of yet. */
    adoptedUnknown: (): Entry[] => adopted(),
    /** Other open entries that the provider's content could belong to. */
    rivalsOf: (grantId: string): Entry[] => rivals(grantId),
    byProviderRef: (account: string, ref: string): Entry | undefined => byRef(account, ref)[0],
    /** When the last effect of a tool can have left, dry ones aside. */
    lastLeftBy: (tool: string): number | undefined =>
      Latest.parse(latest.get(tool)).latest ?? undefined,
    /** Effects of a tool that left after `sinceMs`, or may have. */
    countSince: (tool: string, sinceMs: number): number => Count.parse(count.get(tool, sinceMs)).n,
    /** When the n-th latest effect of a tool can have left, if there are that many. */
    leftByOfLatest: (tool: string, n: number): number | undefined =>
      Latest.optional().parse(nth.get(tool, n - 1))?.latest ?? undefined,
    /**
     * In the order of their commits. To be consumed without awaiting: a write would cut it short.
     */
    *all(): Generator<Entry> {
      for (const row of all.iterate()) yield Entry.parse(row)
    },
  }
}
