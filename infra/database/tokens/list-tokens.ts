import type { Sql } from '../open-database.ts'
import { tokenOf, TOKEN_COLUMNS, type Token, type TokenRow } from './token.ts'

/** People make tokens by hand: more than this is a mistake, and the newest tell it. */
const MAX_TOKENS = 1_000

/** A tenant's tokens, newest first, the revoked ones too. */
export async function listTokens(sql: Sql, of: { tenantId: string }): Promise<Token[]> {
  const rows = await sql.query<TokenRow>({
    text: `SELECT ${TOKEN_COLUMNS} FROM api_tokens WHERE tenant_id = $1
      ORDER BY created_at DESC, id DESC LIMIT ${MAX_TOKENS}`,
    values: [of.tenantId],
  })
  return rows.map(tokenOf)
}
