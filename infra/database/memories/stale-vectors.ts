import type { Sql } from '../open-database.ts'

type Of = Readonly<{ tenantId: string; agentId?: string | undefined; embedder: string }>

/** A memory whose vector another embedder made, with the words that a new one is made of. */
export type StaleMemory = Readonly<{
  id: string
  agentId: string
  content: string
  tags: readonly string[]
}>

/** Memories of a tenant, or of one agent of it, and those of another embedder than this. */
export async function countVectors(
  sql: Sql,
  { tenantId, agentId, embedder }: Of,
): Promise<{ held: number; stale: number }> {
  const [row] = await sql.query<{ held: string; stale: string }>({
    text: `SELECT count(*) AS held, count(*) FILTER (WHERE embedder <> $3) AS stale FROM memories
      WHERE tenant_id = $1 AND ($2::text IS NULL OR agent_id = $2)`,
    values: [tenantId, agentId ?? null, embedder],
  })
  return { held: Number(row?.held ?? 0), stale: Number(row?.stale ?? 0) }
}

/**
 * The first memories of another embedder, agent by agent: an agent is whole, and can recall again,
 * before the next one is begun.
 */
export async function findStale(
  sql: Sql,
  { tenantId, agentId, embedder, limit }: Of & { limit: number },
): Promise<StaleMemory[]> {
  const rows = await sql.query<{ id: string; agent_id: string; content: string; tags: string[] }>({
    text: `SELECT id, agent_id, content, tags FROM memories
      WHERE tenant_id = $1 AND ($2::text IS NULL OR agent_id = $2) AND embedder <> $3
      ORDER BY agent_id, embedder LIMIT $4`,
    values: [tenantId, agentId ?? null, embedder, limit],
  })
  return rows.map(({ id, agent_id, content, tags }) => ({ id, agentId: agent_id, content, tags }))
}

/**
 * Puts new vectors to memories of one agent, under new revisions, so that every process takes them
 * up. What was forgotten meanwhile stays forgotten, and what somebody else has renewed stays his.
 * Answers how many it renewed. The shelf is locked first, as whoever remembers does.
 */
export async function renewVectors(
  tx: Sql,
  of: {
    tenantId: string
    agentId: string
    embedder: string
    rows: readonly { id: string; vector: Int8Array }[]
  },
): Promise<number> {
  const { tenantId, agentId, embedder, rows } = of
  await tx.query({
    text: `UPDATE memory_shelves SET revision = revision + $3
      WHERE tenant_id = $1 AND agent_id = $2`,
    values: [tenantId, agentId, rows.length],
  })
  const renewed = await tx.query<{ id: string }>({
    text: `UPDATE memories m SET embedder = $3, vector = n.vector,
        revision = s.revision - cardinality($4::uuid[]) + n.place
      FROM memory_shelves s,
        ROWS FROM (unnest($4::uuid[]), unnest($5::bytea[])) WITH ORDINALITY
          AS n(id, vector, place)
      WHERE s.tenant_id = $1 AND s.agent_id = $2
        AND m.tenant_id = $1 AND m.agent_id = $2 AND m.id = n.id AND m.embedder <> $3
      RETURNING m.id`,
    values: [
      tenantId,
      agentId,
      embedder,
      rows.map(({ id }) => id),
      rows.map(({ vector }) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)),
    ],
  })
  return renewed.length
}
