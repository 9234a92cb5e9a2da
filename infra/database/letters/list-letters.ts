import type { Sql } from '../open-database.ts'
import { letterOf, LETTER_COLUMNS, type Letter, type LetterRow } from './letter.ts'

/** Most letters of one page. */
const MAX_PAGE = 500

/**
 * Dead letters, newest first: all, or only those not replayed yet; `before` is the last id of a
 * page.
 */
export async function listLetters(
  sql: Sql,
  of: { onlyOpen?: boolean; before?: string; limit?: number } = {},
): Promise<Letter[]> {
  const rows = await sql.query<LetterRow>({
    text: `SELECT ${LETTER_COLUMNS} FROM dead_letters
      WHERE (NOT $1 OR replayed_at IS NULL) AND ($2::uuid IS NULL OR id < $2)
      ORDER BY id DESC LIMIT $3`,
    values: [of.onlyOpen ?? false, of.before ?? null, Math.min(of.limit ?? 100, MAX_PAGE)],
  })
  return rows.map(letterOf)
}

/** How many dead letters have not been replayed. */
export async function countLetters(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ n: string }>({
    text: 'SELECT count(*) AS n FROM dead_letters WHERE replayed_at IS NULL',
  })
  return Number(row?.n ?? 0)
}
