/** What negative controls compose instead of a guard of the product. */
import { DatabaseSync } from 'node:sqlite'

import type { Database, Sql, Statement } from '@chimera/infra/database/open-database'
import type { Rules } from '@chimera/mcp-kit/protocol/rules'
import { imaginedEntry } from '@chimera/mcp-kit/testing/imagined-entry'

/** Acts first and writes nothing down. */
export const withoutClaim = (rules: Rules): Rules => ({
  ...rules,
  lookUp: () => ({ kind: 'new', toClose: [] }),
  claim: (_ledger, about, claim) => imaginedEntry(about, claim),
  settle: ({ entry, outcome }) => ({
    ...entry,
    state: outcome.kind === 'answered' ? 'CONFIRMED' : 'UNKNOWN',
  }),
})

/** A ledger that another process can open as well. */
export function openShared(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5_000 })
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
  return database
}

type Row = Record<string, unknown>

/** The record through a lens: other statements, other rows; `undefined` drops a row. */
export type Lens = {
  ask?: (statement: Statement) => Statement
  change?: (statement: Statement, row: Row) => Row | undefined
}

export function seenThrough(database: Database, lens: Lens): Database {
  const through = (sql: Sql): Sql => ({
    query: async <R extends Row>(statement: Statement) => {
      const rows = await sql.query<R>(lens.ask?.(statement) ?? statement)
      if (lens.change === undefined) return rows
      return rows.flatMap((row) => {
        const changed = lens.change?.(statement, row)
        return changed === undefined ? [] : [{ ...row, ...changed }]
      })
    },
  })
  return {
    ...database,
    ...through(database),
    transaction: (work) => database.transaction((tx) => work(through(tx))),
  }
}
