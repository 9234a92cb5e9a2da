import {
  type Permission,
  permissionsOf,
  type Role,
  type TokenScope,
} from '@chimera/contracts/tenancy/roles'

import type { Sql } from '../open-database.ts'
import { rolesOf } from '../tenancy/member-views.ts'
import { hashToken } from './token-secret.ts'
import { scopesOf } from './token.ts'

/** Who asks: a token that is valid now, and the one tenant that it is for. */
export type Principal = {
  readonly tokenId: string
  readonly tenantId: string
  readonly name: string
  readonly scopes: readonly TokenScope[]
  readonly roles: readonly Role[]
  /** Whose token it is; null: it stands for itself. */
  readonly userId: string | null
}

/**
 * The principal of a bearer token; nothing when it is unknown, revoked or expired, or its user is
 * paused. A token of a user has those of its roles that the user still has, so that a role taken
 * away is gone at the next request. One statement, which also notes the use, once a minute at most.
 */
export async function findPrincipal(sql: Sql, secret: string): Promise<Principal | undefined> {
  const [row] = await sql.query<{
    id: string
    tenant_id: string
    name: string
    scopes: string[]
    roles: string[]
    user_id: string | null
    user_roles: string[] | null
  }>({
    name: 'find-principal',
    text: 'SELECT * FROM find_principal($1)',
    values: [hashToken(secret)],
  })
  if (row === undefined) return undefined
  const users = row.user_id === null ? undefined : rolesOf(row.user_roles)
  return {
    tokenId: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    // Scopes are of tokens that stand for themselves: no user has them to take away.
    scopes: users === undefined ? scopesOf(row.scopes) : [],
    roles: rolesOf(row.roles).filter((role) => users?.includes(role) ?? true),
    userId: row.user_id,
  }
}

/** Whether a principal may do what a route asks for. */
export const mayDo = (principal: Principal, needed: Permission): boolean =>
  permissionsOf(principal).has(needed)

/**
 * The person behind a principal, for rules about persons: two tokens of one user are one person,
 * and a token without a user is a person of its own.
 */
export const personOf = ({ userId, tokenId }: Principal): string =>
  userId === null ? `token:${tokenId}` : `user:${userId}`
