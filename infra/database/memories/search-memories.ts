import type { Sql } from '../open-database.ts'

/** What an agent's memories came to since a revision. */
export type ShelfNews = Readonly<{
  revision: number
  /** How many memories there are. */
  held: number
  /** Whether another embedder made the vector of any. */
  isMixed: boolean
  news: readonly ShelfRow[]
}>

export type ShelfRow = Readonly<{
  id: string
  revision: number
  isTrusted: boolean
  vector: Int8Array
  /** In the form of PostgreSQL's English full text, each once; none of what every text has. */
  words: readonly string[]
}>

type NewsRow = {
  shelf: string
  held: number
  mixed: boolean
  id: string | null
  revision: string | null
  trusted: boolean
  vector: Buffer | null
  words: string | null
}

/**
 * Vectors and words of an agent's memories from behind a revision. Whether another embedder made
 * one is asked by the least and the greatest name, each the end of an index.
 */
export async function readShelf(
  sql: Sql,
  of: { tenantId: string; agentId: string; embedder: string; after: number },
): Promise<ShelfNews | undefined> {
  const rows = await sql.query<NewsRow>({
    name: 'read-memory-shelf',
    text: `SELECT s.revision AS shelf, s.held, coalesce(
        (SELECT min(o.embedder) <> $3 OR max(o.embedder) <> $3 FROM memories o
          WHERE o.tenant_id = $1 AND o.agent_id = $2), false) AS mixed,
        m.id, m.revision, m.label <> 'untrusted' AS trusted, m.vector,
        array_to_string(tsvector_to_array(m.words), chr(10)) AS words
      FROM memory_shelves s LEFT JOIN memories m ON m.tenant_id = $1 AND m.agent_id = $2
        AND m.revision > $4
      WHERE s.tenant_id = $1 AND s.agent_id = $2`,
    values: [of.tenantId, of.agentId, of.embedder, of.after],
  })
  const [first] = rows
  if (first === undefined) return undefined
  return {
    revision: Number(first.shelf),
    held: first.held,
    isMixed: first.mixed,
    news: first.mixed ? [] : rows.flatMap(shelfRowOf),
  }
}

function shelfRowOf({ id, revision, trusted, vector, words }: NewsRow): ShelfRow[] {
  if (id === null || vector === null) return []
  const bytes = new Int8Array(vector.buffer, vector.byteOffset, vector.byteLength)
  const kept = words === null || words === '' ? [] : words.split('\n')
  return [{ id, revision: Number(revision), isTrusted: trusted, vector: bytes, words: kept }]
}

/** The words of a text in the form in which those of memories are kept. */
export async function wordsOf(sql: Sql, text: string): Promise<string[]> {
  const [row] = await sql.query<{ words: string[] }>({
    name: 'memory-words-of',
    text: `SELECT tsvector_to_array(to_tsvector('english', $1)) AS words`,
    values: [text],
  })
  return row?.words ?? []
}
