import { canonicalHash } from '@chimera/contracts/canonical'
import { ChimeraError, InvariantError, RetryableError } from '@chimera/contracts/errors'
import type { AttemptOutcome } from '@chimera/contracts/task-result'
import { decideRetry } from '@chimera/domain/retry'
import type { ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'
import { backoffMs } from '@chimera/runtime/backoff'

/** What one attempt ends with: something for the Judge, or the task goes back. */
export type Ending =
  | Readonly<{ to: 'judge'; outcome: AttemptOutcome; outputHash: string }>
  | Readonly<{ to: 'ready'; delayMs?: number; spendsRetry: boolean; reason: string }>

/** TaskFailure.message takes no more. */
const MAX_MESSAGE = 2_000
/** WaitingOn.reason and AuditItem.note take no more. */
const MAX_REASON = 500

/**
 * The task ends: the Judge writes that down, with all that follows for its goal and its children.
 */
export function failed(kind: 'terminal' | 'denied', code: string, message: string): Ending {
  const readable = message.slice(0, MAX_MESSAGE).toWellFormed().replaceAll('\0', ' ')
  return forJudge({ outcome: 'failure', failure: { code, message: readable }, kind })
}

/** Throws INPUT_INVALID for what has no canonical form. */
export const forJudge = (outcome: AttemptOutcome): Ending => ({
  to: 'judge',
  outcome,
  outputHash: canonicalHash(outcome),
})

/** Handed back untouched: nobody's fault, nothing spent. */
export const handedBack: Ending = {
  to: 'ready',
  spendsRetry: false,
  reason: 'handed back by a worker that stops',
}

/**
 * What an error of an executor means for its task (conventions section 3). An error that nobody
 * threw on purpose may pass or not: it is tried again as often as a RetryableError, and then it
 * is the end. Throws InvariantErrors on: those end the process.
 */
export function endingOfError(task: ClaimedTask, error: unknown, random: () => number): Ending {
  if (error instanceof InvariantError) throw error
  if (!(error instanceof ChimeraError)) {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    return again(task, new RetryableError('UNAVAILABLE', message, { cause: error }), random)
  }
  switch (error.kind) {
    case 'retryable':
    case 'conflict':
      return again(task, error, random)
    case 'cancelled':
      return handedBack
    case 'denied':
    case 'approval-required':
      return failed('denied', error.code, error.message)
    case 'terminal':
    case 'invariant':
      return failed('terminal', error.code, error.message)
  }
}

function again(task: ClaimedTask, error: ChimeraError, random: () => number): Ending {
  const retryAfterMs = error instanceof RetryableError ? error.retryAfterMs : undefined
  const decision = decideRetry({
    code: error.code,
    retryAfterMs,
    retries: task.retries,
    backoffMs: (failures) => backoffMs('task', failures, random),
  })
  if (decision.outcome === 'dead') {
    const message = `Tried ${decision.retries} times; the last error: ${error.message}`
    return failed('terminal', 'ATTEMPTS_EXHAUSTED', message)
  }
  return {
    to: 'ready',
    delayMs: decision.delayMs,
    spendsRetry: decision.retries > task.retries,
    reason: `another try after ${error.code}: ${error.message}`
      .slice(0, MAX_REASON)
      .toWellFormed()
      .replaceAll('\0', ' '),
  }
}
