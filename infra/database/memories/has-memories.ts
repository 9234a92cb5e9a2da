import type { Sql } from '../open-database.ts'

/** Whether anything at all is remembered in PostgreSQL. */
export async function hasMemories(sql: Sql): Promise<boolean> {
  const [row] = await sql.query<{ found: boolean }>({
    text: 'SELECT EXISTS (SELECT 1 FROM memories) AS found',
  })
  return row?.found ?? false
}
