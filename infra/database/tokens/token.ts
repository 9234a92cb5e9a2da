import { type Role, TokenScope } from '@chimera/contracts/tenancy/roles'

import { rolesOf } from '../tenancy/member-views.ts'

/** A token as people see it; never the secret, nor its hash. */
export type Token = {
  readonly id: string
  readonly name: string
  readonly scopes: readonly TokenScope[]
  readonly roles: readonly Role[]
  /** Whose it is; a token without a user stands for itself. */
  readonly userId: string | null
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly lastUsedAt: Date | null
  readonly revokedAt: Date | null
}

export type TokenRow = {
  id: string
  name: string
  scopes: string[]
  roles: string[]
  user_id: string | null
  created_at: Date
  expires_at: Date | null
  last_used_at: Date | null
  revoked_at: Date | null
}

export const TOKEN_COLUMNS =
  'id, name, scopes, roles, user_id, created_at, expires_at, last_used_at, revoked_at'

export const tokenOf = (row: TokenRow): Token => ({
  id: row.id,
  name: row.name,
  scopes: scopesOf(row.scopes),
  roles: rolesOf(row.roles),
  userId: row.user_id,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  lastUsedAt: row.last_used_at,
  revokedAt: row.revoked_at,
})

/** A scope that this code does not know allows nothing. */
export const scopesOf = (names: readonly string[]): TokenScope[] =>
  TokenScope.options.filter((scope) => names.includes(scope))
