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
  return {
    /** The doubted life of the record, if there is one. */
    of: (): string | undefined => Row.parse(read.get()).doubted_incarnation ?? undefined,
    raise: (incarnation: string): void => void write.run(incarnation),
    /** A person went on, or the restore was declared after all. */
    end: (): void => void write.run(null),
  }
}
