import type { DatabaseSync } from 'node:sqlite'

import { z } from 'zod'

const Row = z.object({ boot: z.string() })

/** The starts of this ledger's servers, oldest first. */
export type Boots = ReturnType<typeof openBoots>

export function openBoots(database: DatabaseSync) {
  const insert = database.prepare('INSERT INTO boots (boot, started_ms) VALUES (?, ?)')
  const find = database.prepare('SELECT boot FROM boots WHERE boot = ?')
  const hello = database.prepare('UPDATE boots SET hello_ms = ?, incarnation = ? WHERE boot = ?')
  const all = database.prepare('SELECT boot FROM boots ORDER BY ordinal')
  return {
    begin: (boot: string, nowMs: number): void => void insert.run(boot, nowMs),
    /** Whether a boot is part of this ledger's past. */
    has: (boot: string): boolean => find.get(boot) !== undefined,
    all: (): string[] => all.all().map((row) => Row.parse(row).boot),
    noteHello: (boot: string, incarnation: string, nowMs: number): void =>
      void hello.run(nowMs, incarnation, boot),
  }
}
