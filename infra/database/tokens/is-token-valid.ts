import type { Sql } from '../open-database.ts'

/** Whether a token still holds: for connections that outlive the request which opened them. */
export async function isTokenValid(sql: Sql, tokenId: string): Promise<boolean> {
  const rows = await sql.query({
    name: 'is-token-valid',
    text: `SELECT FROM api_tokens WHERE id = $1 AND revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > now())`,
    values: [tokenId],
  })
  return rows.length > 0
}
