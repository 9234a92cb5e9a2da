import type { TaskType } from '@chimera/contracts/agent-task'

import type { Sql } from '../open-database.ts'
import { enterAsClaim } from '../row-scope.ts'
import type { Caps } from './caps.ts'
import type { TaskRing } from './claim-tasks.ts'

/** Whether any task of these types waits for its turn, of whatever tenant. */
export async function turnsWait(sql: Sql, types: readonly TaskType[]): Promise<boolean> {
  const [row] = await sql.query<{ do_wait: boolean }>({
    name: 'turns-wait',
    text: 'SELECT turns_wait($1) AS do_wait',
    values: [types],
  })
  return row?.do_wait === true
}

/**
 * Whose turn it is: round the tenants, within one by turn, as far as caps leave room. Until the
 * transaction ends nobody else is told; it sees the rows of those tenants from here on.
 */
export async function takeTurns(
  tx: Sql,
  of: {
    types: readonly TaskType[]
    most: number
    /** Nothing while more results wait for the Judge: what is taken now would wait behind them. */
    mostUnjudged: number
    caps: Caps
  },
): Promise<TaskRing[]> {
  const rows = await tx.query<{ id: string; tenant_id: string }>({
    name: 'next-turns',
    text: 'SELECT id, tenant_id FROM next_turns($1, $2, $3, $4, $5)',
    values: [of.types, of.most, of.caps.agent, of.caps.tenant, of.mostUnjudged],
  })
  const tenantIds = [...new Set(rows.map((row) => row.tenant_id))]
  if (tenantIds.length > 0) await tx.query(enterAsClaim(tenantIds))
  return rows.map((row) => ({ id: row.id, tenantId: row.tenant_id }))
}
