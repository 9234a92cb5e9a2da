import type { TaskType } from '@chimera/contracts/agent-task'

import type { Sql } from '../open-database.ts'
import { enterAsClaim } from '../row-scope.ts'
import type { Caps } from './caps.ts'
import type { TaskRing } from './claim-tasks.ts'

/**
 * No more is taken from the queues while so many results wait for the Judge: as many as a Worker
 * takes at once. Whoever comes next has to wait behind them.
 */
const MOST_UNJUDGED = 64

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
  of: { types: readonly TaskType[]; most: number; caps: Caps },
): Promise<TaskRing[]> {
  const rows = await tx.query<{ id: string; tenant_id: string }>({
    name: 'next-turns',
    text: 'SELECT id, tenant_id FROM next_turns($1, $2, $3, $4, $5)',
    values: [of.types, of.most, of.caps.agent, of.caps.tenant, MOST_UNJUDGED],
  })
  const tenantIds = [...new Set(rows.map((row) => row.tenant_id))]
  if (tenantIds.length > 0) await tx.query(enterAsClaim(tenantIds))
  return rows.map((row) => ({ id: row.id, tenantId: row.tenant_id }))
}
