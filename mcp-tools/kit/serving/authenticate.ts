import type { IncomingMessage } from 'node:http'

import { DeniedError } from '@chimera/contracts/errors'

import { bearerOf, type Bearer } from './bearer.ts'
import type { ClientTokens } from './client-tokens.ts'

/** Who calls, and what the token is good for. */
export type Caller = Readonly<{
  principal: string
  scopes: readonly string[]
  /** The Workers' own token, which opens everything that grants do not close. */
  isWorker: boolean
}>

/** Why a request without a valid token is refused, with the challenge of RFC 6750 section 3. */
export class ChallengeError extends DeniedError {
  readonly challenge: string

  constructor(code: 'UNAUTHENTICATED' | 'FORBIDDEN', message: string, challenge: string) {
    super(code, message)
    this.challenge = challenge
  }
}

/**
 * The caller of a request, by its bearer token. Throws ChallengeError (401): without a token, with
 * one that is unknown, revoked, expired, or for another server; all four look the same from
 * outside.
 */
export function authenticate(of: {
  request: IncomingMessage
  worker: Bearer
  clients: ClientTokens
  /** Every scope of this server. */
  scopes: readonly string[]
}): Caller {
  const { request, worker, clients } = of
  if (worker.isCarriedBy(request)) {
    return { principal: worker.principal, scopes: of.scopes, isWorker: true }
  }
  const secret = bearerOf(request)
  const client = secret === undefined ? undefined : clients.find(secret)
  if (client !== undefined) {
    return { principal: `mcp:${client.name}`, scopes: client.scopes, isWorker: false }
  }
  const reason = secret === undefined ? '' : ' error="invalid_token",'
  throw new ChallengeError(
    'UNAUTHENTICATED',
    'This tool server needs a valid bearer token of its own.',
    `Bearer${reason} ${metadataOf(request)}`,
  )
}

/** Refuses with 403 what the token's scopes do not cover (RFC 6750 `insufficient_scope`). */
export function requireScope(request: IncomingMessage, caller: Caller, scope: string): void {
  if (caller.scopes.includes(scope)) return
  throw new ChallengeError(
    'FORBIDDEN',
    `The token does not have the scope ${scope}.`,
    `Bearer error="insufficient_scope", scope="${scope}", ${metadataOf(request)}`,
  )
}

/** Path of the RFC 9728 document for `/mcp`. */
export const METADATA_PATH = '/.well-known/oauth-protected-resource/mcp'

/** What a client can learn of this server without a token: that it needs one, and its scopes. */
export function resourceMetadata(request: IncomingMessage, scopes: readonly string[]): object {
  return {
    resource: `${originOf(request)}/mcp`,
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
  }
}

function metadataOf(request: IncomingMessage): string {
  return `resource_metadata="${originOf(request)}${METADATA_PATH}"`
}

/** As the client calls this server; a Host header of other characters is nobody's address. */
function originOf(request: IncomingMessage): string {
  const { host = '' } = request.headers
  return `http://${/^[\w.:[\]-]{1,255}$/.test(host) ? host : 'localhost'}`
}
