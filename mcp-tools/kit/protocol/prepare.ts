import { RetryableError } from '@chimera/contracts/errors'

import type { PreparedRequest, Refusal } from '../provider/exchange.ts'
import type { EffectPlan, RoundName } from './effect-tool.ts'

/** All calls of the account wait for this one; a grant lives for a minute. */
export const PREPARE_MS = 15_000

/**
 * Has the bytes made, and gives up on a provider that does not answer what they need. What still
 * runs then changes nothing. Throws UPSTREAM_UNAVAILABLE, and what the tool throws.
 */
export async function prepareInTime(
  plan: EffectPlan,
  of: RoundName,
): Promise<PreparedRequest | Refusal> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const message = `The provider did not answer within ${PREPARE_MS} ms what the call needs.`
    reject(new RetryableError('UPSTREAM_UNAVAILABLE', message))
  }, PREPARE_MS)
  try {
    return await Promise.race([plan.prepare(of), promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Whether a tool has refused instead of making bytes. */
export const isRefusal = (made: PreparedRequest | Refusal): made is Refusal => 'code' in made
