import type { DatabaseSync } from 'node:sqlite'

import { z } from 'zod'

const Row = z.object({ until_ms: z.int() })

/** Until when the provider wants to be left alone; survives a restart. */
export type Holds = ReturnType<typeof openHolds>

export function openHolds(database: DatabaseSync) {
  const read = database.prepare('SELECT until_ms FROM holds WHERE name = ?')
  const write = database.prepare(`
    INSERT INTO holds (name, until_ms) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET until_ms = max(until_ms, excluded.until_ms)`)
  return {
    until: (name: string): number | undefined => {
      const row = read.get(name)
      return row === undefined ? undefined : Row.parse(row).until_ms
    },
    /** Never shortens a hold. */
    extend: (name: string, untilMs: number): void => void write.run(name, untilMs),
  }
}
