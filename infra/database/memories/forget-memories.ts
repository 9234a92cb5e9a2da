import type { Sql } from '../open-database.ts'

/**
 * Forgets memories of one tenant by id, in a transaction of its own; answers those that were there.
 * Shelves are locked before memories, as by all who write: nobody waits in a ring.
 */
export async function forgetMemories(
  sql: Sql,
  of: { tenantId: string; ids: readonly string[] },
): Promise<string[]> {
  await sql.query({
    name: 'lock-forgetful-shelves',
    text: `SELECT FROM memory_shelves WHERE tenant_id = $1 AND agent_id IN (
        SELECT agent_id FROM memories WHERE tenant_id = $1 AND id = ANY ($2::uuid[]))
      ORDER BY agent_id COLLATE "C" FOR UPDATE`,
    values: [of.tenantId, of.ids],
  })
  const rows = await sql.query<{ id: string }>({
    name: 'forget-memories',
    text: `WITH gone AS (
        DELETE FROM memories WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) RETURNING id, agent_id
      ), counted AS (
        UPDATE memory_shelves s SET held = s.held - g.n
        FROM (SELECT agent_id, count(*) AS n FROM gone GROUP BY agent_id) AS g
        WHERE s.tenant_id = $1 AND s.agent_id = g.agent_id
      )
      SELECT id FROM gone ORDER BY id`,
    values: [of.tenantId, of.ids],
  })
  return rows.map(({ id }) => id)
}
