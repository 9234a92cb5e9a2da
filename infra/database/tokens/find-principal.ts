import type { Sql } from '../open-database.ts'
import { hashToken, type TokenScope } from './token-secret.ts'
import { scopesOf } from './token.ts'

/** Who asks: a token that is valid now, and the one tenant that it is for. */
export type Principal = {
  readonly tokenId: string
  readonly tenantId: string
  readonly name: string
  readonly scopes: readonly TokenScope[]
}

/**
 * The principal of a bearer token; nothing when it is unknown, revoked or expired. One statement,
 * which also notes the use, once a minute at most.
 */
export async function findPrincipal(sql: Sql, secret: string): Promise<Principal | undefined> {
  const [row] = await sql.query<{
    id: string
    tenant_id: string
    name: string
    scopes: string[]
  }>({
    name: 'find-principal',
    text: `WITH found AS (
        SELECT id, tenant_id, name, scopes, last_used_at FROM api_tokens
        WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
      ), used AS (
        UPDATE api_tokens t SET last_used_at = now() FROM found f
        WHERE t.id = f.id
          AND (f.last_used_at IS NULL OR f.last_used_at < now() - interval '1 minute')
      )
      SELECT id, tenant_id, name, scopes FROM found`,
    values: [hashToken(secret)],
  })
  if (row === undefined) return undefined
  return {
    tokenId: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    scopes: scopesOf(row.scopes),
  }
}
