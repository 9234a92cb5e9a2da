import type { DatabaseSync } from 'node:sqlite'

import { z } from 'zod'

const Row = z.object({ boot: z.string() })
const Gap = z.object({ has_gap: z.literal([0, 1]) })

/** The starts of this ledger's servers, oldest first. */
export type Boots = ReturnType<typeof openBoots>

export function openBoots(database: DatabaseSync) {
  const insert = database.prepare('INSERT INTO boots (boot, started_ms) VALUES (?, ?)')
  const find = database.prepare('SELECT has_gap FROM boots WHERE boot = ?')
  const hello = database.prepare('UPDATE boots SET hello_ms = ?, incarnation = ? WHERE boot = ?')
  const all = database.prepare('SELECT boot FROM boots ORDER BY ordinal')
  const greeted = database.prepare(`
    SELECT boot FROM boots
    WHERE hello_ms IS NOT NULL AND incarnation = ? AND is_vouched = 0 ORDER BY ordinal`)
  const vouch = database.prepare('UPDATE boots SET is_vouched = 1 WHERE incarnation = ?')
  const adopt = database.prepare(`
    INSERT INTO boots (boot, started_ms, has_gap) VALUES (?, ?, 1) ON CONFLICT (boot) DO NOTHING`)
  const open = database.prepare('UPDATE boots SET has_gap = 1 WHERE boot <> ?')
  return {
    begin: (boot: string, nowMs: number): void => void insert.run(boot, nowMs),
    /** Whether a boot is part of this ledger's past, as far as it was told. */
    has: (boot: string): boolean => find.get(boot) !== undefined,
    /** Whether this ledger holds every claim of a boot: then no entry proves that nothing was. */
    isWhole: (boot: string): boolean => {
      const row = find.get(boot)
      return row !== undefined && Gap.parse(row).has_gap === 0
    },
    all: (): string[] => all.all().map((row) => Row.parse(row).boot),
    noteHello: (boot: string, incarnation: string, nowMs: number): void =>
      void hello.run(nowMs, incarnation, boot),
    /** Boots that one life of the record has opened, and so must know. */
    greetedBy: (incarnation: string): string[] =>
      greeted.all(incarnation).map((row) => Row.parse(row).boot),
    /** A person goes on with a record that lacks some of the boots it had opened. */
    vouchFor: (incarnation: string): void => void vouch.run(incarnation),
    /**
     * Takes over the boots of a ledger that was lost. What they, and the boots before this one, had
     * claimed may be missing for ever.
     */
    adopt(boots: readonly string[], current: string, nowMs: number): void {
      for (const boot of boots) adopt.run(boot, nowMs)
      open.run(current)
    },
  }
}
