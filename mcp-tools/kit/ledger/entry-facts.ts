import type { DatabaseSync } from 'node:sqlite'

import { z } from 'zod'

import { Entry } from './entry.ts'

const Highest = z.object({ highest: z.int().nullable() })

/** Questions are of a tool's own making, one or two of them. */
const MAX_QUESTIONS = 64

/**
 * Questions about what is known of entries at their provider.
 *
 * @param committed - number of the last commit that is durable
 */
export function openEntryFacts(database: DatabaseSync, committed: () => number) {
  // In the order of their first row: an adoption aside, that of their claims. No index keeps that
  // of the claims, which every claim would have to pay for.
  const newest = database.prepare(
    'SELECT * FROM entries WHERE claimed_ms IS NOT NULL ORDER BY rowid DESC LIMIT ?',
  )
  const highest = database.prepare(
    `SELECT max(CAST(facts ->> :name AS INTEGER)) AS highest FROM entries INDEXED BY entries_by_seq
       WHERE seq > :after AND seq <= :upTo
         AND state = 'CONFIRMED' AND facts IS NOT NULL AND facts ->> :where = :is`,
  )
  type Where = Readonly<{ name: string; is: string }>
  const highestIn = (name: string, where: Where, after: number, upTo: number): number =>
    Highest.parse(highest.get({ name, where: where.name, is: where.is, after, upTo })).highest ??
    -Infinity
  // What has happened stays so: only what came since has to be read.
  const known = new Map<string, { highest: number; seen: number }>()
  return {
    /**
     * The highest value of a number among the facts of what has surely happened, where another fact
     * is the one that is asked for.
     */
    highestFact: (name: string, where: Where): number | undefined => {
      const key = JSON.stringify([name, where.name, where.is])
      const before = known.get(key) ?? { highest: -Infinity, seen: -1 }
      const upTo = committed()
      const since = highestIn(name, where, before.seen, upTo)
      const now = { highest: Math.max(before.highest, since), seen: upTo }
      if (known.size >= MAX_QUESTIONS) known.clear()
      known.set(key, now)
      const running = highestIn(name, where, upTo, Number.MAX_SAFE_INTEGER)
      const found = Math.max(now.highest, running)
      return found === -Infinity ? undefined : found
    },
    /** What was claimed last, the newest first. */
    newest: (limit: number): Entry[] =>
      newest
        .all(limit)
        .map((row) => Entry.parse(row))
        .toSorted((one, other) => (other.claimedMs ?? 0) - (one.claimedMs ?? 0)),
  }
}
