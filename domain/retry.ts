import type { ErrorCode } from '@chimera/contracts/errors'

/**
 * A task whose own attempts failed this often with a RetryableError is dead (conventions section
 * 3).
 */
export const MAX_RETRIES = 5

/** A task whose workers died this often is what kills them. */
export const MAX_LEASES_LOST = 5

/** A provider that asks for more is asked again after a day. */
export const MAX_RETRY_AFTER_MS = 86_400_000

/** Waits for something outside the task: no attempt is spent, however long it takes. */
const WAITS: ReadonlySet<ErrorCode> = new Set([
  'COOLDOWN_ACTIVE',
  'STOPPED',
  'SERVER_CLOSED',
  'LEDGER_BEHIND',
  'CLOCK_JUMP',
])

/** `again`: write the counter and `run_at = now() + delayMs`, by the database's clock. */
export type RetryDecision =
  | { readonly outcome: 'again'; readonly retries: number; readonly delayMs: number }
  | { readonly outcome: 'dead'; readonly retries: number }

/**
 * What a RetryableError does to a task. `retryAfterMs` is a lower bound of the delay. `backoffMs`
 * gives the full jitter for the n-th failure (`backoffMs('task', n, random)` of runtime/backoff).
 */
export function decideRetry(of: {
  readonly code: ErrorCode
  readonly retryAfterMs?: number | undefined
  readonly retries: number
  readonly backoffMs: (failures: number) => number
}): RetryDecision {
  const isWait = WAITS.has(of.code)
  const retries = isWait ? of.retries : of.retries + 1
  if (retries >= MAX_RETRIES && !isWait) return { outcome: 'dead', retries }
  const asked = Math.min(Math.max(of.retryAfterMs ?? 0, 0), MAX_RETRY_AFTER_MS)
  return { outcome: 'again', retries, delayMs: Math.max(asked, of.backoffMs(of.retries + 1)) }
}

/** A lease that ran out: back to ready, or dead when it was one too many. */
export function decideLeaseLost(leasesLost: number): {
  leasesLost: number
  outcome: 'ready' | 'dead'
} {
  const lost = leasesLost + 1
  return { leasesLost: lost, outcome: lost >= MAX_LEASES_LOST ? 'dead' : 'ready' }
}

/** A result that the Judge rejected: once more with its feedback, or the end. */
export function decideRejection(of: { rejections: number; maxAttempts: number }): {
  rejections: number
  outcome: 'again' | 'rejected'
} {
  const rejections = of.rejections + 1
  return { rejections, outcome: rejections < of.maxAttempts ? 'again' : 'rejected' }
}
