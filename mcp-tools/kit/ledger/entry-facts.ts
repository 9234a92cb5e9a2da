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
       WHERE state = 'CONFIRMED' AND facts IS NOT NULL`,
  )
  return {
    /** The highest value of a number among the facts of what has surely happened. */
    highestFact: (name: string): number | undefined =>
      Highest.parse(highest.get(name)).highest ?? undefined,
    /** What was claimed last, the newest first. */
    newest: (limit: number): Entry[] => newest.all(limit).map((row) => Entry.parse(row)),
  }
}
