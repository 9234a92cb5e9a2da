import type { Sql } from '../open-database.ts'

/** Notes that a ledger has taken the record's knowledge, or why it was refused. */
export async function endAdoption(
  sql: Sql,
  of: { id: string; refused: string | null },
): Promise<void> {
  await sql.query({
    name: 'end-adoption',
    text: `UPDATE tool_adoptions SET done_at = now(), refused = $2
      WHERE id = $1 AND done_at IS NULL`,
    values: [of.id, of.refused],
  })
}
