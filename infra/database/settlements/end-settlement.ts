import type { Sql } from '../open-database.ts'

/** Notes that a person's word was written by the tool server, or why it was refused. */
export async function endSettlement(
  sql: Sql,
  of: { id: string; refused: string | null },
): Promise<void> {
  await sql.query({
    name: 'end-settlement',
    text: `UPDATE effect_settlements SET done_at = now(), refused = $2
      WHERE id = $1 AND done_at IS NULL`,
    values: [of.id, of.refused],
  })
}
