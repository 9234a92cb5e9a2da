import type { Sql } from '../open-database.ts'

/** Whether a token still holds: for connections that outlive the request which opened them. */
export async function isTokenValid(sql: Sql, tokenId: string): Promise<boolean> {
  const rows = await sql.query({
    name: 'is-token-valid',
    text: `SELECT FROM api_tokens t LEFT JOIN users u
        ON u.tenant_id = t.tenant_id AND u.id = t.user_id
      WHERE t.id = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
        AND (t.user_id IS NULL OR u.status = 'ACTIVE')`,
    values: [tokenId],
  })
  return rows.length > 0
}
