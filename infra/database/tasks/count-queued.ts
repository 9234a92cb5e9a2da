import type { TaskType } from '@chimera/contracts/agent-task'

import type { Sql } from '../open-database.ts'

/** How many tasks of an agent wait for their turn, counted up to `most`. */
export async function countQueued(
  sql: Sql,
  of: { tenantId: string; agentId: string; types: readonly TaskType[]; most: number },
): Promise<number> {
  const [row] = await sql.query<{ n: number }>({
    name: 'count-queued',
    text: `SELECT count(*)::int AS n FROM (
        SELECT FROM tasks WHERE phase = 'ready' AND turn IS NOT NULL AND type = ANY ($1)
          AND tenant_id = $2 AND turn_agent = $3 LIMIT $4) AS counted`,
    values: [of.types, of.tenantId, of.agentId, of.most],
  })
  return row?.n ?? 0
}
