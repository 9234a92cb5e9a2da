import type { Sql } from '../open-database.ts'

/** What an effect was granted for, and whose it is. */
export type GrantedOrder = {
  readonly effectId: string
  readonly tenantId: string
  /** Undefined when another grant has taken the slot over: its arguments are not known. */
  readonly args: unknown
  readonly agentId: string
  /** Whether there is such an agent, and it is at work. */
  readonly isActive: boolean
}

/** Reads the arguments that some effects were granted with, and their agents. */
export async function readGrantedOrders(
  sql: Sql,
  effectIds: readonly string[],
): Promise<GrantedOrder[]> {
  const rows = await sql.query<{
    id: string
    tenant_id: string
    args: unknown
    agent_id: string
    is_active: boolean
  }>({
    name: 'read-granted-orders',
    text: `SELECT e.id, e.tenant_id, CASE WHEN e.adopted_from IS NULL THEN e.args END AS args,
        g.agent_id, coalesce(a.status <> 'PAUSED', false) AS is_active
      FROM effects e
      JOIN goals g ON g.tenant_id = e.tenant_id AND g.id = e.goal_id
      LEFT JOIN agents a ON a.tenant_id = g.tenant_id AND a.id = g.agent_id
      WHERE e.id = ANY ($1::uuid[])
      ORDER BY e.tenant_id, g.agent_id, e.id`,
    values: [effectIds],
  })
  return rows.map((row) => ({
    effectId: row.id,
    tenantId: row.tenant_id,
    args: row.args ?? undefined,
    agentId: row.agent_id,
    isActive: row.is_active,
  }))
}
