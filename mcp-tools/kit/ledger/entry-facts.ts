import type { DatabaseSync } from 'node:sqlite'

import { z } from 'zod'

import { Entry } from './entry.ts'

const Highest = z.object({ highest: z.int().nullable() })

/** Questions about what is known of entries at their provider. */
export function openEntryFacts(database: DatabaseSync) {
  const newest = database.prepare(
    'SELECT * FROM entries WHERE claimed_ms IS NOT NULL ORDER BY claimed_ms DESC, seq DESC LIMIT ?',
  )
  const highest = database.prepare(
    `SELECT max(CAST(facts ->> ? AS INTEGER)) AS highest FROM entries
       WHERE state = 'CONFIRMED' AND facts IS NOT NULL AND facts ->> ? = ?`,
  )
  return {
    /**
     * The highest value of a number among the facts of what has surely happened, where another fact
     * is the one that is asked for.
     */
    highestFact: (name: string, where: Readonly<{ name: string; is: string }>) =>
      Highest.parse(highest.get(name, where.name, where.is)).highest ?? undefined,
    /** What was claimed last, the newest first. */
    newest: (limit: number): Entry[] => newest.all(limit).map((row) => Entry.parse(row)),
  }
}
