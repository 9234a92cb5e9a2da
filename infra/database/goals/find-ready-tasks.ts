import { inState } from '../in-state.ts'
import type { Sql } from '../open-database.ts'
import type { GoalKey } from './lease-goals.ts'

/**
 * Ids of tasks of these goals that nobody has claimed yet, oldest first: whose doorbell may have
 * been lost between a plan's commit and its publication. What is beyond the limit the Keeper rings
 * for.
 */
export async function findReadyTasks(
  sql: Sql,
  of: { goals: readonly GoalKey[]; limit: number },
): Promise<string[]> {
  if (of.goals.length === 0) return []
  const rows = await sql.query<{ id: string }>({
    name: 'find-ready-tasks',
    text: `SELECT t.id FROM unnest($1::uuid[], $2::text[]) AS u(tenant_id, goal_id)
      JOIN tasks t ON t.tenant_id = u.tenant_id AND t.goal_id = u.goal_id
      WHERE ${inState('t.phase', 'ready')} AND (t.run_at IS NULL OR t.run_at <= now())
      ORDER BY t.ready_at, t.id LIMIT $3`,
    values: [of.goals.map(({ tenantId }) => tenantId), of.goals.map(({ id }) => id), of.limit],
  })
  return rows.map(({ id }) => id)
}
