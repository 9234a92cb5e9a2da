import { DeniedError, RetryableError } from '@chimera/contracts/errors'
import type { Permission } from '@chimera/contracts/tenancy/roles'
import { mayDo, type Principal } from '@chimera/infra/database/tokens/find-principal'

import type { RateLimit } from './rate-limit.ts'

/** `Authorization: Bearer <token68>` (RFC 6750). Longer tokens are none of ours. */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]{1,256}=*)$/i

/**
 * Who asks, by the bearer token. Throws UNAUTHENTICATED, FORBIDDEN for a token without the scope,
 * and RATE_LIMITED: per token, and per address for those that guess.
 */
export async function authenticate(of: {
  authorization: string | undefined
  address: string
  needed: Permission
  find: (token: string) => Promise<Principal | undefined>
  requests: RateLimit
  failures: RateLimit
}): Promise<Principal> {
  refuseWhen(of.failures.look(of.address), 'Too many requests without a valid token.')
  const token = BEARER.exec(of.authorization ?? '')?.[1]
  const principal = token === undefined ? undefined : await of.find(token)
  if (principal === undefined) {
    of.failures.take(of.address)
    throw new DeniedError(
      'UNAUTHENTICATED',
      token === undefined
        ? 'Send "authorization: Bearer <token>"; `chimera token create` makes one.'
        : 'The bearer token is unknown, revoked or expired.',
    )
  }
  refuseWhen(of.requests.take(principal.tokenId), 'Too many requests with this token.')
  if (!mayDo(principal, of.needed)) {
    const may = MAY[of.needed] ?? of.needed
    throw new DeniedError('FORBIDDEN', `The token ${principal.name} may not ${may}.`)
  }
  return principal
}

/** What a permission is in words, where its name is none. */
const MAY: Partial<Record<Permission, string>> = {
  approve: 'decide approvals: it needs the role approver',
  policy: 'change policies, budgets and the registry: it needs the role policy_admin',
  tenant: 'see or change users and agents: it needs the role tenant_admin',
  audit: 'read the trail: it needs the role auditor',
  admin: 'do this: it needs the scope admin',
}

function refuseWhen(waitMs: number | undefined, message: string): void {
  if (waitMs === undefined) return
  throw new RetryableError('RATE_LIMITED', message, { retryAfterMs: waitMs })
}
