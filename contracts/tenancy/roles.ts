import { z } from 'zod'

/** What a person of a tenant is there for. */
export const Role = z.enum([
  'viewer',
  'operator',
  'approver',
  'policy_admin',
  'tenant_admin',
  'auditor',
])
export type Role = z.infer<typeof Role>

/** What a token allows by itself: to look, to change things, or everything (the operator's own). */
export const TokenScope = z.enum(['read', 'write', 'admin'])
export type TokenScope = z.infer<typeof TokenScope>

/**
 * What a route asks for. `approve`: to decide approvals. `policy`: policies, budgets, registry.
 * `tenant`: users and agents of the own tenant. `audit`: the trail in full. `admin`: what concerns
 * the whole house, such as tenants and stops.
 */
export const Permission = z.enum(['read', 'write', 'approve', 'policy', 'tenant', 'audit', 'admin'])
export type Permission = z.infer<typeof Permission>

/**
 * Deny by default: a role allows what stands here and nothing else. Who approves does not write the
 * rules that ask for approval, and nobody's role reaches beyond its tenant.
 */
const OF_ROLE: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: ['read'],
  operator: ['read', 'write'],
  approver: ['read', 'approve'],
  policy_admin: ['read', 'policy'],
  tenant_admin: ['read', 'tenant'],
  auditor: ['read', 'audit'],
}

const OF_SCOPE: Readonly<Record<TokenScope, readonly Permission[]>> = {
  read: ['read'],
  write: ['write'],
  admin: Permission.options,
}

/** Everything that some roles and scopes allow together. */
export function permissionsOf(of: {
  roles: readonly Role[]
  scopes: readonly TokenScope[]
}): ReadonlySet<Permission> {
  return new Set([
    ...of.roles.flatMap((role) => OF_ROLE[role]),
    ...of.scopes.flatMap((scope) => OF_SCOPE[scope]),
  ])
}
