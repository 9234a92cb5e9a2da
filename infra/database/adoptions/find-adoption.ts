import type { Sql } from '../open-database.ts'
import { adoptionOf, ADOPTION_COLUMNS, type AdoptionRow, type AdoptionView } from './adoption.ts'

/** The last adoption that was asked for on an account. */
export async function findAdoption(sql: Sql, account: string): Promise<AdoptionView | undefined> {
  const [row] = await sql.query<AdoptionRow>({
    text: `SELECT ${ADOPTION_COLUMNS} FROM tool_adoptions WHERE account = $1
      ORDER BY requested_at DESC, id DESC LIMIT 1`,
    values: [account],
  })
  return row === undefined ? undefined : adoptionOf(row)
}
