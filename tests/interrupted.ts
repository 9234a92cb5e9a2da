import { setTimeout as sleep } from 'node:timers/promises'

import type { Database, Sql, Statement } from '@chimera/infra/database/open-database'

/** The record, with something done just before the nth statement that is asked of it. */
export function interrupted(
  database: Database,
  of: { at: number; act: () => Promise<unknown>; change?: (statement: Statement) => Statement },
): Database {
  let n = 0
  const { change = (statement: Statement) => statement } = of
  const on =
    (sql: Sql): Sql['query'] =>
    async (statement) => {
      n += 1
      // What waits for a lock of the interrupted transaction itself cannot be waited for.
      if (n === of.at) await Promise.race([of.act(), sleep(20)])
      return sql.query(change(statement))
    }
  return {
    ...database,
    query: (statement, scope) => on({ query: (asked) => database.query(asked, scope) })(statement),
    transaction: (work, scope) => database.transaction((tx) => work({ query: on(tx) }), scope),
  }
}
