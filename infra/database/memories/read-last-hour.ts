import type { Sql } from '../open-database.ts'

/** A goal that an agent was given of late, and what became of it. */
export type RecentGoal = Readonly<{ id: string; text: string; status: string }>

/** Newest goals of the tenant that are looked through for the agent's. */
const MAX_LOOKED_AT = 2_000

/** Goals of an agent in its owner's words within the last hour, newest first. */
export async function readLastHour(
  sql: Sql,
  of: { tenantId: string; agentId: string; goalId: string; limit: number },
): Promise<RecentGoal[]> {
  return sql.query({
    name: 'read-last-hour',
    text: `SELECT id, text, status FROM (
        SELECT id, content ->> 'text' AS text, status, agent_id, trust, received_at FROM goals
        WHERE tenant_id = $1 AND received_at > now() - interval '1 hour'
        ORDER BY received_at DESC, id DESC LIMIT ${MAX_LOOKED_AT}) AS recent
      WHERE agent_id = $2 AND id <> $3 AND trust = 'owner' AND text IS NOT NULL
      ORDER BY received_at DESC, id DESC LIMIT $4`,
    values: [of.tenantId, of.agentId, of.goalId, of.limit],
  })
}
