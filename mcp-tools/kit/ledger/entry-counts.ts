import type { DatabaseSync } from 'node:sqlite'

import { z } from 'zod'

/** States in which the effect has happened, or may have. */
const MAY_HAVE_HAPPENED = "('CLAIMED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN')"
// The sign keeps the index of the open rounds out of it, which would be read from end to end.
const COUNTS = `+state IN ${MAY_HAVE_HAPPENED} AND mode <> 'dry'`
/** As the index of open entries has it, or it could not be used. */
export const IS_OPEN = "state IN ('CLAIMED', 'UNKNOWN', 'NEEDS_HUMAN')"

const Count = z.object({ n: z.int() })
const Open = z.object({ state: z.enum(['CLAIMED', 'UNKNOWN', 'NEEDS_HUMAN']), n: z.int() })
const Latest = z.object({ latest: z.int().nullable() })

/** How many entries there are of a kind, and when they left; none of it reads a whole table. */
export function openEntryCounts(database: DatabaseSync) {
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
  const adopted = database.prepare(
    "SELECT count(*) AS n FROM entries WHERE state = 'UNKNOWN' AND adopted_ms IS NOT NULL",
  )
  const leftByOfNth = (tool: string, n: number): number | undefined =>
    Latest.optional().parse(nth.get(tool, n))?.latest ?? undefined
  // Asked several times a call; more than none they become only by an adoption.
  let hasNoneAdopted = false
  return {
    /** When the last effect of a tool can have left, dry ones aside. */
    lastLeftBy: (tool: string): number | undefined => leftByOfNth(tool, 0),
    /** Effects of a tool that left after `since`, or may have. */
    countSince: (tool: string, since: number): number => Count.parse(count.get({ tool, since })).n,
    /** When the n-th latest effect of a tool can have left, if there are that many. */
    leftByOfLatest: (tool: string, n: number): number | undefined => leftByOfNth(tool, n - 1),
    /** How many are open, by state. */
    openCounts: () => {
      const counts = { CLAIMED: 0, UNKNOWN: 0, NEEDS_HUMAN: 0 }
      for (const row of open.all()) {
        const { state, n } = Open.parse(row)
        counts[state] = n
      }
      return counts
    },
    /** How many adopted entries nobody can tell of yet. */
    adoptedUnknown: (): number => {
      if (hasNoneAdopted) return 0
      const { n } = Count.parse(adopted.get())
      // What a commit has read may be taken back with it.
      if (!database.isTransaction) hasNoneAdopted = n === 0
      return n
    },
    /** An entry is being adopted. */
    noteAdoption: (): void => {
      hasNoneAdopted = false
    },
  }
}
