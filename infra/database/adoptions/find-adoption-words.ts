import type { Sql } from '../open-database.ts'

/** The signed words of an open adoption, in the order in which they are to be carried. */
export async function findAdoptionWords(
  sql: Sql,
  of: { id: string; boot: string },
): Promise<string[]> {
  const rows = await sql.query<{ jws: string }>({
    name: 'adoption-words',
    text: `SELECT jws FROM tool_adoptions
      WHERE id = $1 AND boot = $2 AND jws IS NOT NULL AND done_at IS NULL`,
    values: [of.id, of.boot],
  })
  return rows.flatMap(({ jws }) => jws.split('\n'))
}
