import type { Memory } from '@chimera/contracts/judging/memory'

import type { Sql } from '../open-database.ts'

/** A memory with what the store computed for it. */
export type MemoryInsert = Readonly<{
  memory: Memory
  keepRank: number
  vector: Int8Array
}>

/**
 * Keeps memories of one agent, and lets those go that time has forgotten and, beyond `most`, those
 * of the lowest rank. What is there under an id stays as it is.
 */
export async function insertMemories(
  tx: Sql,
  of: {
    tenantId: string
    agentId: string
    embedder: string
    most: number
    rows: readonly MemoryInsert[]
  },
): Promise<void> {
  const { tenantId, agentId, rows } = of
  const shelf = [tenantId, agentId]
  await tx.query({
    name: 'take-memory-shelf',
    text: `INSERT INTO memory_shelves AS s (tenant_id, agent_id, revision) VALUES ($1, $2, $3)
      ON CONFLICT (tenant_id, agent_id) DO UPDATE SET revision = s.revision + excluded.revision`,
    values: [...shelf, rows.length],
  })
  await tx.query({
    name: 'insert-memories',
    text: INSERT,
    values: [
      ...shelf,
      of.embedder,
      JSON.stringify(rows.map(({ memory, keepRank }) => ({ ...memory, keep_rank: keepRank }))),
      rows.map(({ vector }) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)),
    ],
  })
  await tx.query({
    name: 'evict-memories',
    text: EVICT,
    values: [...shelf, of.most],
  })
}

const INSERT = `WITH shelf AS (
    SELECT revision FROM memory_shelves WHERE tenant_id = $1 AND agent_id = $2
  ), new AS (
    INSERT INTO memories (tenant_id, id, agent_id, kind, content, tags, at, label, sources, goal_id,
      task_id, importance, expires_at, keep_rank, revision, embedder, vector, words)
    SELECT $1, m.id, $2, m.kind, m.content, m.relevance_tags, m.timestamp, m.label, m.sources,
      m.goal_id, m.task_id, m.importance, m.expires_at, m.keep_rank,
      shelf.revision - cardinality($5::bytea[]) + m.place, $3, ($5::bytea[])[m.place],
      to_tsvector('english', m.content || ' ' || array_to_string(m.relevance_tags, ' '))
    FROM shelf, ROWS FROM (jsonb_to_recordset($4::jsonb) AS (id uuid, kind text, content text,
      relevance_tags text[], timestamp timestamptz, label text, sources jsonb, goal_id text,
      task_id uuid, importance float8, expires_at timestamptz, keep_rank float8))
      WITH ORDINALITY AS m(id, kind, content, relevance_tags, timestamp, label, sources, goal_id,
        task_id, importance, expires_at, keep_rank, place)
    ON CONFLICT (tenant_id, id) DO NOTHING RETURNING id
  )
  UPDATE memory_shelves SET held = held + (SELECT count(*) FROM new)
  WHERE tenant_id = $1 AND agent_id = $2`

const EVICT = `WITH shelf AS (
    SELECT held FROM memory_shelves WHERE tenant_id = $1 AND agent_id = $2
  ), over AS (
    (SELECT id FROM memories WHERE tenant_id = $1 AND agent_id = $2
      ORDER BY keep_rank, id LIMIT greatest(0, (SELECT held FROM shelf) - $3::int))
    UNION
    SELECT id FROM memories WHERE tenant_id = $1 AND agent_id = $2 AND expires_at <= now()
  ), gone AS (
    DELETE FROM memories WHERE tenant_id = $1 AND id IN (SELECT id FROM over) RETURNING id
  )
  UPDATE memory_shelves SET held = held - (SELECT count(*) FROM gone)
  WHERE tenant_id = $1 AND agent_id = $2 AND EXISTS (SELECT FROM gone)`
