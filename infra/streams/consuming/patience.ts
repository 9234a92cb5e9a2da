import { CancelledError, InvariantError, RetryableError } from '@chimera/contracts/errors'
import { backoffMs, delay } from '@chimera/runtime/backoff'

/** How a consumer waits, and when it stops waiting. */
export type Patience = Readonly<{
  /**
   * Throws what must end the loop: a defect, or the stop. Anything else is somebody's to decide.
   */
  rethrowIfOver: (error: unknown) => void
  /**
   * Waits longer with each try, at least as long as the error asks for. Throws CANCELLED at the
   * stop.
   */
  wait: (tries: number, error: unknown) => Promise<void>
}>

/** An error that says when to come again is believed so far. */
const MAX_RETRY_AFTER_MS = 30_000

export function openPatience(options: { signal: AbortSignal; random: () => number }): Patience {
  const { signal, random } = options
  return {
    rethrowIfOver: (error) => {
      if (error instanceof InvariantError) throw error
      if (!signal.aborted) return
      throw new CancelledError('CANCELLED', 'The consumer is being closed.', { cause: error })
    },
    wait: async (tries, error) => {
      const asked = error instanceof RetryableError ? (error.retryAfterMs ?? 0) : 0
      const ms = Math.max(backoffMs('batch', tries, random), Math.min(asked, MAX_RETRY_AFTER_MS))
      await delay(ms, signal)
    },
  }
}
