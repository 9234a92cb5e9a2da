import type { SimulatedRequest } from '@chimera/contracts/observable'

import type { Sender } from './accounts.ts'
import type { FaultAfter, FaultBefore, Faults, FaultTarget } from './faults.ts'
import { type Answer, DUPLICATE, RATE_LIMITED, UNAVAILABLE } from './problems.ts'

/** What is done with a request: what the record says, and how its sender learns of it. */
export type Decision = {
  readonly account: string
  readonly outcome: SimulatedRequest['outcome']
  readonly answer: Answer
  /** `cut` closes the connection and `hang` leaves it open, both without a byte of answer. */
  readonly delivery: 'answer' | 'cut' | 'hang'
  readonly id?: string
  /** What the record holds in place of the body, where that is megabytes. */
  readonly recorded?: unknown
}

export type User = Extract<Sender, { kind: 'user' }>

/** A request that was not done, for a reason that its answer names. */
export function refuse(account: string, answer: Answer): Decision {
  return { account, outcome: 'refused', answer, delivery: 'answer' }
}

/** What a read found. */
export function answerRead(sender: User, answer: Answer): Decision {
  const outcome = answer.status < 400 ? 'accepted' : 'refused'
  return { account: sender.account, outcome, answer, delivery: 'answer' }
}

/** The end of a request that meets a fault before it is looked at, if it does. */
export function endEarly(
  target: FaultTarget,
  of: { account: string; faults: Faults; now: () => number },
): Decision | undefined {
  const early = of.faults.takeBefore(target)
  if (early === undefined) return undefined
  const { account } = of
  if (early.fault !== '429') return { account, outcome: 'refused', ...ENDED[early.fault] }
  const reset = String(Math.ceil((of.now() + early.resetInMs) / 1_000))
  const headers = { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': reset }
  return refuse(account, { ...RATE_LIMITED, headers })
}

/** The end of a request that was done: its answer, or a fault that loses it. */
export function endAccepted(
  accepted: Omit<Decision, 'outcome' | 'delivery'>,
  target: FaultTarget,
  faults: Faults,
): Decision {
  const done = { ...accepted, outcome: 'accepted', delivery: 'answer' } as const
  const fault = faults.takeAfter(target)
  return fault === undefined ? done : { ...done, ...LOST[fault] }
}

const ENDED: Record<Exclude<FaultBefore, '429'>, Pick<Decision, 'answer' | 'delivery'>> = {
  '5xx': { answer: UNAVAILABLE, delivery: 'answer' },
  '403_duplicate': { answer: DUPLICATE, delivery: 'answer' },
  reset_before: { answer: UNAVAILABLE, delivery: 'cut' },
  timeout_before: { answer: UNAVAILABLE, delivery: 'hang' },
}

/** How the answer of what was accepted gets lost. */
const LOST: Record<FaultAfter, Partial<Decision>> = {
  cut: { outcome: 'cut', delivery: 'cut' },
  hang: { outcome: 'hung', delivery: 'hang' },
  '5xx_after': { answer: UNAVAILABLE },
}
