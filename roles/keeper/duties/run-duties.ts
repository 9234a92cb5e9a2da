import { RetryableError } from '@chimera/contracts/errors'
import type { DutyLocks } from '@chimera/infra/database/sweeps/open-duty-locks'
import { backoffMs, delay } from '@chimera/runtime/backoff'
import type { Logger } from '@chimera/runtime/log'
import type { Metrics } from '@chimera/runtime/metrics'

/** One pass of a duty. It may be cut off anywhere, and two may run at once for a moment. */
export type Round = (signal: AbortSignal) => Promise<void>

/** Something that time drives. */
export type Duty = {
  /** Names its lock, its metric and its log lines. */
  readonly name: string
  /** Longest one round may take; then the lock is given up and the round is left to itself. */
  readonly deadlineMs: number
  /** Waits until the next round is to begin, and returns it. Costs nothing while standing by. */
  readonly next: (signal: AbortSignal) => Promise<Round>
}

type Deps = {
  readonly locks: Pick<DutyLocks, 'holds' | 'giveUp'>
  readonly tasks: Pick<Metrics['tasks'], 'inc'>
  readonly log: Logger
  readonly signal: AbortSignal
}

/**
 * Runs every duty in a loop of its own: one that hangs, fails or is slow delays no other. A duty
 * acts only while its lock is held here. Returns when the signal is aborted and the loops have
 * ended.
 */
export async function runDuties(deps: Deps & { duties: readonly Duty[] }): Promise<void> {
  await Promise.all(deps.duties.map((duty) => runDuty(duty, deps)))
}

async function runDuty(duty: Duty, { locks, tasks, log, signal }: Deps): Promise<void> {
  const kind = `keeper.${duty.name}`
  let failures = 0
  while (!signal.aborted) {
    try {
      const round = await duty.next(signal)
      if (!locks.holds(duty.name)) continue
      await inTime(duty, round, signal)
      tasks.inc({ kind, outcome: 'done' })
      failures = 0
    } catch (err) {
      if (signal.aborted) return
      const isLate = err instanceof LateError
      tasks.inc({ kind, outcome: isLate ? 'late' : 'failed' })
      failures += 1
      // An outage is one line, not one per second.
      if (failures === 1) log.warn({ err, duty: duty.name }, 'a round of a duty failed')
      if (isLate) await locks.giveUp(duty.name)
      await delay(backoffMs('batch', failures, Math.random), signal).catch(() => undefined)
    }
  }
}

/**
 * The round did not end in time; whatever it still does is harmless, because it compares and sets.
 */
class LateError extends RetryableError {}

async function inTime(duty: Duty, round: Round, signal: AbortSignal): Promise<void> {
  const overdue = new AbortController()
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    overdue.abort()
    reject(new LateError('UNAVAILABLE', `${duty.name} took longer than ${duty.deadlineMs} ms.`))
  }, duty.deadlineMs)
  try {
    await Promise.race([round(AbortSignal.any([signal, overdue.signal])), late])
  } finally {
    clearTimeout(timer)
  }
}
