import { CancelledError } from '@chimera/contracts/errors'
import type { Sql } from '@chimera/infra/database/open-database'
import { readOverview, type Overview } from '@chimera/infra/database/sweeps/read-overview'
import { backoffMs, delay } from '@chimera/runtime/backoff'
import type { Logger } from '@chimera/runtime/log'

/** The one look at the record that all duties share: a statement per sweep, not per duty. */
export type Sweep = AsyncDisposable & {
  /** The next overview. A duty that was busy has missed some, and misses nothing by it. */
  next(signal: AbortSignal): Promise<Overview>
  /** The last one, for who has seen none yet. */
  latest(): Overview | undefined
  /** Throws what the last look failed with, for readiness. */
  check(): void
}

/** With nothing open there is nothing to be late for: half as many looks ... */
const IDLE_FACTOR = 2
/** ... and fewer still after a while: what is new arrives by its doorbell, not by these looks. */
const RESTING_FACTOR = 5
const RESTING_AFTER_MS = 20_000
/** Between two looks, however many tasks become due one after the other. */
const LEAST_MS = 50
/** So that the row is due when it is looked at: timers of Node may be a millisecond early. */
const AFTER_DUE_MS = 5
const STAND_BY_MS = 250

/**
 * Looks every `sweepMs`, less often while nothing is open, and exactly when the next `run_at`
 * comes. Stands by, without a statement, while `isNeeded` says that no duty is led here.
 */
export function openSweep(of: {
  database: Sql
  sweepMs: number
  isNeeded: () => boolean
  log: Logger
}): Sweep {
  const closing = new AbortController()
  let waiting = Promise.withResolvers<Overview>()
  let failure: Error | undefined
  let latest: Overview | undefined
  let idleSince = Infinity
  const isResting = (): boolean => performance.now() - idleSince >= RESTING_AFTER_MS
  const look = async (): Promise<number> => {
    const overview = await readOverview(of.database, { isPrepared: isResting() })
    latest = overview
    idleSince = overview.idle ? Math.min(idleSince, performance.now()) : Infinity
    waiting.resolve(overview)
    waiting = Promise.withResolvers<Overview>()
    return pauseAfter(overview, of.sweepMs, isResting())
  }
  const working = (async () => {
    for (let failures = 0; !closing.signal.aborted;) {
      try {
        const pauseMs = of.isNeeded() ? await look() : STAND_BY_MS
        failures = 0
        failure = undefined
        await delay(pauseMs, closing.signal)
      } catch (error) {
        if (closing.signal.aborted) return
        failures += 1
        failure = error instanceof Error ? error : new Error(String(error))
        if (failures === 1) of.log.warn({ err: error }, 'the record could not be looked at')
        await delay(100 + backoffMs('batch', failures, Math.random), closing.signal).catch(() => {})
      }
    }
  })()
  return {
    next: (signal) => firstOf(waiting.promise, signal),
    latest: () => latest,
    check: () => {
      if (failure !== undefined) throw failure
    },
    async [Symbol.asyncDispose]() {
      closing.abort()
      await working
    },
  }
}

function pauseAfter({ idle, nextDueMs }: Overview, sweepMs: number, isResting: boolean): number {
  const idleMs = sweepMs * (isResting ? RESTING_FACTOR : IDLE_FACTOR)
  const pauseMs = idle ? idleMs : sweepMs
  if (nextDueMs === null) return pauseMs
  return Math.min(pauseMs, Math.max(LEAST_MS, nextDueMs + AFTER_DUE_MS))
}

async function firstOf<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const stop = (): void => reject(new CancelledError('CANCELLED', 'The duty ends.'))
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
