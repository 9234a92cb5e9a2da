import type { Sql } from '../open-database.ts'
import { IS_KEPT, MEMORY_COLUMNS, type MemoryRow } from './memory-row.ts'

/** How far an agent's memories have got. */
export type ShelfLook = Readonly<{
  revision: number
  /** How many memories there are. */
  held: number
  /** Whether another embedder made the vector of any. */
  isMixed: boolean
}>

export type ShelfRow = Readonly<{
  id: string
  revision: number
  isTrusted: boolean
  vector: Int8Array
  /** In the form of PostgreSQL's English full text, each once; none of what every text has. */
  words: readonly string[]
}>

/** The last row of a page: the next begins behind it. */
export type PageMark = Readonly<{ revision: number; id: string }>

/** Behind every row of its revision. */
export const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/**
 * Looks how far an agent's memories have got; nothing when it has never had any. Each of the three
 * questions finds its answer at one place of an index, however many memories there are and whatever
 * PostgreSQL was told of them: asked for the least and the greatest name of an embedder, it went
 * through all of them where its statistics knew of none.
 */
export async function lookAtShelf(
  sql: Sql,
  of: { tenantId: string; agentId: string; embedder: string },
): Promise<ShelfLook | undefined> {
  const [row] = await sql.query<{ revision: string; held: number; mixed: boolean }>({
    name: 'look-at-memory-shelf',
    text: `SELECT s.revision, s.held, EXISTS (SELECT FROM memories o
          WHERE o.tenant_id = $1 AND o.agent_id = $2 AND o.embedder < $3)
        OR EXISTS (SELECT FROM memories o
          WHERE o.tenant_id = $1 AND o.agent_id = $2 AND o.embedder > $3) AS mixed
      FROM memory_shelves s WHERE s.tenant_id = $1 AND s.agent_id = $2`,
    values: [of.tenantId, of.agentId, of.embedder],
  })
  if (row === undefined) return undefined
  return { revision: Number(row.revision), held: row.held, isMixed: row.mixed }
}

type NewsRow = {
  id: string
  revision: string
  trusted: boolean
  mixed: boolean
  vector: Buffer
  words: string
}

/** A page of what was written behind a mark, in the order in which it was written. */
export async function readShelfPage(
  sql: Sql,
  of: { tenantId: string; agentId: string; embedder: string; after: PageMark; limit: number },
): Promise<{ rows: readonly ShelfRow[]; isMixed: boolean }> {
  const { tenantId, agentId, embedder, after, limit } = of
  const rows = await sql.query<NewsRow>({
    name: 'read-memory-shelf',
    text: `SELECT id, revision, label <> 'untrusted' AS trusted, embedder <> $3 AS mixed, vector,
        array_to_string(tsvector_to_array(words), chr(10)) AS words
      FROM memories
      WHERE tenant_id = $1 AND agent_id = $2 AND revision >= $4 AND (revision, id) > ($4, $5)
      ORDER BY revision, id LIMIT $6`,
    values: [tenantId, agentId, embedder, after.revision, after.id, limit],
  })
  return { rows: rows.map(shelfRowOf), isMixed: rows.some(({ mixed }) => mixed) }
}

function shelfRowOf({ id, revision, trusted, vector, words }: NewsRow): ShelfRow {
  const bytes = new Int8Array(vector.buffer, vector.byteOffset, vector.byteLength)
  const kept = words === '' ? [] : words.split('\n')
  return { id, revision: Number(revision), isTrusted: trusted, vector: bytes, words: kept }
}

/** A memory as it stands there: to check all that is looked at would take the longest. */
type CandidateRow = MemoryRow & { revision: string }

/**
 * Memories by their ids, those that are still there, whoever's they are: with the agent among the
 * conditions PostgreSQL went through all of the agent's where its statistics knew of none.
 */
export function readCandidates(
  sql: Sql,
  of: { tenantId: string; ids: readonly string[] },
): Promise<CandidateRow[]> {
  return sql.query<CandidateRow>({
    name: 'read-memory-candidates',
    text: `SELECT ${MEMORY_COLUMNS}, revision FROM memories
      WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) AND ${IS_KEPT}
      ORDER BY id DESC`,
    values: [of.tenantId, of.ids],
  })
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
