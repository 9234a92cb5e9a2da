import { RetryableError, TerminalError } from '@chimera/contracts/errors'

import type { Sql } from '../open-database.ts'
import type { KeyScope } from './idempotency-key.ts'

/** The answer that was given for a key. */
export type StoredAnswer = { readonly status: number; readonly response: unknown }

/**
 * Takes an idempotency key for the rest of the caller's transaction, by the rules of the IETF draft
 * (draft-ietf-httpapi-idempotency-key-header): the stored answer when the request was answered
 * before, nothing when it is new. Throws IDEMPOTENCY_KEY_REUSED when the key came with another
 * body, and RetryableError(IN_PROGRESS) while the first request with it is still being answered. A
 * crash leaves nothing behind: the lock is the transaction's.
 */
export async function takeKey(
  tx: Sql,
  of: KeyScope & { bodyHash: string },
): Promise<StoredAnswer | undefined> {
  const name = JSON.stringify(['idempotency', of.tenantId, of.principal, of.route, of.key])
  const [lock] = await tx.query<{ is_mine: boolean }>({
    name: 'take-idempotency-key',
    text: 'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS is_mine',
    values: [name],
  })
  if (lock?.is_mine !== true) {
    throw new RetryableError(
      'IN_PROGRESS',
      `A request with the idempotency key ${JSON.stringify(of.key)} is being answered; try again.`,
      { retryAfterMs: 1_000 },
    )
  }
  const [row] = await tx.query<{ body_hash: string; status: number; response: unknown }>({
    name: 'read-idempotency-key',
    text: `SELECT body_hash, status, response FROM idempotency_keys
      WHERE tenant_id = $1 AND principal = $2 AND route = $3 AND key = $4`,
    values: [of.tenantId, of.principal, of.route, of.key],
  })
  if (row === undefined) return undefined
  if (row.body_hash !== of.bodyHash) {
    throw new TerminalError(
      'IDEMPOTENCY_KEY_REUSED',
      `The idempotency key ${JSON.stringify(of.key)} came with another body before.`,
    )
  }
  return { status: row.status, response: row.response }
}
