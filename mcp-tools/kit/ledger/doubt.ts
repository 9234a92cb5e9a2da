import type { DatabaseSync } from 'node:sqlite'

import { z } from 'zod'

const Row = z.object({ doubted_incarnation: z.string().nullable() })

/**
 * The life of the record that knows less than this ledger: somebody put an older copy of Postgres
 * in place without `chimera restore`. Durable, so that a restart forgets nothing.
 */
export type Doubt = ReturnType<typeof openDoubt>

export function openDoubt(database: DatabaseSync) {
  const read = database.prepare('SELECT doubted_incarnation FROM ledger')
  const write = database.prepare('UPDATE ledger SET doubted_incarnation = ?')
  // Asked several times a call, and nobody else can write it: what was read outside a commit holds
  // until it is written here.
  let known: { incarnation: string | undefined } | undefined
  const set = (incarnation: string | null): void => {
    write.run(incarnation)
    known = undefined
  }
  return {
    /** The doubted life of the record, if there is one. */
    of: (): string | undefined => {
      if (known !== undefined) return known.incarnation
      const incarnation = Row.parse(read.get()).doubted_incarnation ?? undefined
      // What a commit has read may be taken back with it.
      if (!database.isTransaction) known = { incarnation }
      return incarnation
    },
    raise: (incarnation: string): void => set(incarnation),
    /** A person went on, or the restore was declared after all. */
    end: (): void => set(null),
  }
}
