import { RetryableError } from '@chimera/contracts/errors'

import type { PreparedRequest, Refusal } from '../provider/exchange.ts'

/** All calls of the account wait for this one; a grant lives for a minute. */
export const PREPARE_MS = 15_000

/** What a tool makes of a call: the bytes, or why there are none. */
export type Made = PreparedRequest | Refusal

/**
 * Gives up on a provider that does not answer what the bytes need. What still runs then changes
 * nothing. Throws UPSTREAM_UNAVAILABLE, and what the tool throws.
 */
export async function inTime(bytes: Promise<Made>): Promise<Made> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const message = `The provider did not answer within ${PREPARE_MS} ms what the call needs.`
    reject(new RetryableError('UPSTREAM_UNAVAILABLE', message))
  }, PREPARE_MS)
  try {
    return await Promise.race([bytes, promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Whether a tool has refused instead of making bytes. */
export const isRefusal = (made: Made): made is Refusal => 'code' in made
