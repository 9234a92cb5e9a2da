import type { Sql } from '../open-database.ts'

/** An agent whose transactions failed of late, and how many did. */
export type FailingAgent = {
  readonly tenantId: string
  readonly agentId: string
  readonly failed: number
}

/**
 * How many transactions of these goals' agents have failed within the hour: refused by wallet or
 * chain, seen never to happen, or mined and reverted. Agents that are paused are left out.
 */
export async function countFailed(
  sql: Sql,
  of: { goals: readonly { tenantId: string; goalId: string }[]; tools: readonly string[] },
): Promise<FailingAgent[]> {
  const rows = await sql.query<{ tenant_id: string; agent_id: string; failed: number }>({
    name: 'count-failed-transactions',
    text: `SELECT a.tenant_id, a.id AS agent_id, count(*)::int AS failed
      FROM (SELECT DISTINCT g.tenant_id, g.agent_id
        FROM unnest($1::uuid[], $2::text[]) AS k(tenant_id, id)
        JOIN goals g USING (tenant_id, id)) AS k
      JOIN agents a ON a.tenant_id = k.tenant_id AND a.id = k.agent_id AND a.status <> 'PAUSED'
      JOIN goals g ON g.tenant_id = a.tenant_id AND g.agent_id = a.id
      JOIN effects e ON e.tenant_id = g.tenant_id AND e.goal_id = g.id
      WHERE e.tool = ANY ($3::text[]) AND e.settled_at > now() - interval '1 hour'
        AND (e.state IN ('REFUSED', 'NOT_HAPPENED')
          OR (e.state = 'CONFIRMED' AND e.receipt ->> 'code' = 'REVERTED'))
      GROUP BY a.tenant_id, a.id`,
    values: [
      of.goals.map(({ tenantId }) => tenantId),
      of.goals.map(({ goalId }) => goalId),
      of.tools,
    ],
  })
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    agentId: row.agent_id,
    failed: row.failed,
  }))
}
