import type { Vote } from '@chimera/contracts/judging/verdict'

import { type ApprovalCheck, type Question, REQUEST_CHECKS } from './approval-checks.ts'
import type { Approval } from './approval.ts'

/** What people have said to the demands of gates so far. */
export type Answer =
  | { readonly kind: 'none' }
  /** All demands are answered by this approval. */
  | { readonly kind: 'approved'; readonly approval: Approval }
  /** It was asked for, and nobody has decided yet. */
  | { readonly kind: 'waiting'; readonly approval: Approval }
  | { readonly kind: 'ask'; readonly demands: readonly Vote[] }
  /** A person said no, or nobody said anything in time. */
  | {
      readonly kind: 'refused'
      readonly vote: Vote
      readonly state: 'DENIED' | 'EXPIRED'
    }

/**
 * Looks for the approval that answers the demands. What a person turned down stays turned down,
 * even where no gate asks any more; and what was once asked has to be answered.
 */
export function answerDemands(of: {
  question: Question
  /** Those of the round that waits, or of the result. */
  own: readonly Approval[]
  /** Those of the slot, of all its rounds. */
  approvals: readonly Approval[]
  checks: readonly ApprovalCheck[]
}): Answer {
  const last = of.own.findLast(({ state }) => state !== 'EDITED' && state !== 'CANCELLED')
  const refused = refusalOf(last)
  if (refused !== undefined) return refused
  const demands = of.question.demands.length > 0 ? of.question.demands : (last?.asked ?? [])
  if (demands.length === 0) return { kind: 'none' }
  const question = { ...of.question, demands }
  const approval = of.approvals.findLast((one) =>
    of.checks.every(({ holds }) => holds(one, question)),
  )
  if (approval !== undefined) return { kind: 'approved', approval }
  const isOpen =
    last?.state === 'REQUESTED' && REQUEST_CHECKS.every(({ holds }) => holds(last, question))
  return isOpen ? { kind: 'waiting', approval: last } : { kind: 'ask', demands }
}

function refusalOf(last: Approval | undefined): Answer | undefined {
  if (last === undefined) return undefined
  const { state, isWithdrawn, isResponse, reason } = last
  if (state === 'EXPIRED' || (state === 'REQUESTED' && last.leftMs <= 0)) {
    const vote = 'deny' as const
    const said = 'Nobody approved it in time.'
    return {
      kind: 'refused',
      vote: { gate: 'approval', vote, code: 'APPROVAL_EXPIRED', reason: said },
      state: 'EXPIRED',
    }
  }
  if (state !== 'REJECTED' && !isWithdrawn) return undefined
  const vote = isResponse ? ('reject' as const) : ('deny' as const)
  const said = reason ?? 'A person turned it down.'
  return {
    kind: 'refused',
    vote: { gate: 'approval', vote, code: 'APPROVAL_REJECTED', reason: said },
    state: 'DENIED',
  }
}
