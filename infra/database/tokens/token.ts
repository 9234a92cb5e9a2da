import { TokenScope } from './token-secret.ts'

/** A token as people see it; never the secret, nor its hash. */
export type Token = {
  readonly id: string
  readonly name: string
  readonly scopes: readonly TokenScope[]
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly lastUsedAt: Date | null
  readonly revokedAt: Date | null
}

export type TokenRow = {
  id: string
  name: string
  scopes: string[]
  created_at: Date
  expires_at: Date | null
  last_used_at: Date | null
  revoked_at: Date | null
}

export const TOKEN_COLUMNS = 'id, name, scopes, created_at, expires_at, last_used_at, revoked_at'

export const tokenOf = (row: TokenRow): Token => ({
  id: row.id,
  name: row.name,
  scopes: scopesOf(row.scopes),
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  lastUsedAt: row.last_used_at,
  revokedAt: row.revoked_at,
})

/** A scope that this code does not know allows nothing. */
export const scopesOf = (names: readonly string[]): TokenScope[] =>
  TokenScope.options.filter((scope) => names.includes(scope))
