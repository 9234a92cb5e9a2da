import type { TaskType } from '@chimera/contracts/agent-task'

import type { Sql } from '../open-database.ts'

/** Those of the tenants that have tasks which wait for their turn: one look each into the index. */
export async function findQueued(
  sql: Sql,
  of: { tenantIds: readonly string[]; types: readonly TaskType[] },
): Promise<Set<string>> {
  const rows = await sql.query<{ tenant_id: string }>({
    name: 'find-queued',
    text: `SELECT u.tenant_id FROM unnest($1::uuid[]) AS u(tenant_id)
      WHERE EXISTS (SELECT FROM unnest($2::text[]) AS w(type), LATERAL (
        SELECT FROM tasks t WHERE t.phase = 'ready' AND t.turn IS NOT NULL AND t.type = w.type
          AND t.tenant_id = u.tenant_id
        ORDER BY t.type, t.tenant_id, t.turn_agent LIMIT 1) AS one)`,
    values: [of.tenantIds, of.types],
  })
  return new Set(rows.map((row) => row.tenant_id))
}
