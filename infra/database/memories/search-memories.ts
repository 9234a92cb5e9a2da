import type { Sql } from '../open-database.ts'

/** What an agent's memories came to since a revision. */
export type ShelfNews = Readonly<{
  revision: number
  /** How many memories there are. */
  held: number
  /** Whether another embedder made the vector of any. */
  isMixed: boolean
  news: readonly VectorRow[]
}>

export type VectorRow = Readonly<{
  id: string
  revision: number
  isTrusted: boolean
  vector: Int8Array
}>

type NewsRow = {
  shelf: string
  held: number
  mixed: boolean
  id: string | null
  revision: string | null
  trusted: boolean
  vector: Buffer | null
}

/** Vectors of an agent's memories from behind a revision. */
export async function readShelf(
  sql: Sql,
  of: { tenantId: string; agentId: string; embedder: string; after: number },
): Promise<ShelfNews | undefined> {
  const rows = await sql.query<NewsRow>({
    name: 'read-memory-shelf',
    text: `SELECT s.revision AS shelf, s.held, EXISTS (SELECT FROM memories o
        WHERE o.tenant_id = $1 AND o.agent_id = $2 AND o.embedder < $3)
        OR EXISTS (SELECT FROM memories o
        WHERE o.tenant_id = $1 AND o.agent_id = $2 AND o.embedder > $3) AS mixed,
        m.id, m.revision, m.label <> 'untrusted' AS trusted, m.vector
      FROM memory_shelves s LEFT JOIN memories m ON m.tenant_id = $1 AND m.agent_id = $2
        AND m.revision > $4 AND m.embedder = $3
      WHERE s.tenant_id = $1 AND s.agent_id = $2`,
    values: [of.tenantId, of.agentId, of.embedder, of.after],
  })
  const [first] = rows
  if (first === undefined) return undefined
  return {
    revision: Number(first.shelf),
    held: first.held,
    isMixed: first.mixed,
    news: rows.flatMap(vectorOf),
  }
}

function vectorOf({ id, revision, trusted, vector }: NewsRow): VectorRow[] {
  if (id === null || vector === null) return []
  const bytes = new Int8Array(vector.buffer, vector.byteOffset, vector.byteLength)
  return [{ id, revision: Number(revision), isTrusted: trusted, vector: bytes }]
}

/**
 * Memories of an agent that hold words of the question, by PostgreSQL's English full text, the best
 * first. Any word is enough.
 */
export async function findWords(
  sql: Sql,
  of: {
    tenantId: string
    agentId: string
    question: string
    onlyTrusted: boolean
    limit: number
  },
): Promise<{ id: string; rank: number }[]> {
  return sql.query({
    name: 'find-memory-words',
    text: `WITH asked AS MATERIALIZED (SELECT
        replace(plainto_tsquery('english', $3)::text, ' & ', ' | ')::tsquery AS query)
      SELECT m.id, ts_rank(m.words, asked.query, 1) AS rank
      FROM asked, memories m
      WHERE m.tenant_id = $1 AND m.agent_id = $2 AND m.words @@ asked.query
        AND (NOT $4 OR m.label <> 'untrusted')
      ORDER BY rank DESC, m.id DESC LIMIT $5`,
    values: [of.tenantId, of.agentId, of.question, of.onlyTrusted, of.limit],
  })
}
