/** Whose rows a part of the swarm could have seen, whatever it asked for. */
import type { Database, Sql, Statement } from '@chimera/infra/database/open-database'

import { seenThrough } from '../faults/model/without.ts'

const EVERYWHERE = `SELECT tenant_id FROM goals UNION SELECT tenant_id FROM tasks
  UNION SELECT tenant_id FROM audit_entries UNION SELECT tenant_id FROM task_results r
    JOIN tasks t ON t.id = r.task_id UNION SELECT id FROM tenants
  UNION SELECT tenant_id FROM effects`

/** Looks beside each statement, in its transaction: whose rows could it have seen? */
export function overlooked(database: Database, saw: (tenantId: string) => void): Database {
  const beside = (sql: Sql): Sql => ({
    query: async (statement) => {
      for (const row of await sql.query<{ tenant_id: string }>({ text: EVERYWHERE })) {
        saw(row.tenant_id)
      }
      return sql.query(statement)
    },
  })
  return {
    ...database,
    // As one transaction: what stands beside a statement sees what it may see.
    query: (statement, scope) => database.transaction((tx) => beside(tx).query(statement), scope),
    transaction: (work, scope) => database.transaction((tx) => work(beside(tx)), scope),
  }
}

/** Statements by name, and the words in which each says whose rows it is about. */
export type Whose = Readonly<Record<string, readonly (readonly [string, string])[]>>

/** A database whose statements have forgotten whose rows they are about. */
export const forgetful = (database: Database, whose: Whose): Database =>
  seenThrough(database, {
    ask: (statement: Statement) => {
      let { text } = statement
      for (const [says, without] of whose[statement.name ?? ''] ?? []) {
        if (!text.includes(says)) throw new Error(`${statement.name} says no longer whose it is.`)
        text = text.replaceAll(says, without)
      }
      return { ...statement, text }
    },
  })
