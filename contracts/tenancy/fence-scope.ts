import { DEFAULT_TENANT } from '../ids.ts'

/** What can be paused as a whole, from the widest to the narrowest. */
export type PausableKind = 'tenant' | 'campaign' | 'agent' | 'goal'

/**
 * The name of a fence. Names of agents, campaigns and goals are a tenant's own, so those of other
 * tenants than the machine's carry theirs: nobody stops a namesake next door. No name of a person's
 * making holds a slash.
 */
export function fenceScope(kind: PausableKind, of: { tenant: string; id: string }): string {
  const isOwn = kind === 'tenant' || of.tenant === DEFAULT_TENANT
  return isOwn ? `${kind}:${of.id}` : `${kind}:${of.tenant}/${of.id}`
}

/** A scope as somebody of a tenant says it, by its full name. */
export function scopeIn(tenant: string, scope: string): string {
  const [, kind, id = ''] = /^(agent|campaign|goal):([^/]+)$/.exec(scope) ?? []
  if (kind !== 'agent' && kind !== 'campaign' && kind !== 'goal') return scope
  return fenceScope(kind, { tenant, id })
}
