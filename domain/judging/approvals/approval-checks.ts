import type { Vote } from '@chimera/contracts/judging/verdict'

import type { Round } from '../attempt.ts'
import { addNeeds } from './add-needs.ts'
import type { Approval, Binding } from './approval.ts'

/** What an approval is to answer: these demands, for exactly this, after these rounds. */
export type Question = {
  readonly binding: Binding
  readonly demands: readonly Vote[]
  readonly rounds: readonly Round[]
}

/** One reason why an approval may not count; all of them have to hold. */
export type ApprovalCheck = {
  readonly name: string
  readonly holds: (approval: Approval, question: Question) => boolean
}

/** A grant that could not live this long would only run out on its way. */
const LEAST_LEFT_MS = 1_000

/** Rounds in these states neither act nor acted: the approval that they rested on is unused. */
const UNUSED = new Set([
  'PROPOSED',
  'AWAITING_APPROVAL',
  'REFUSED',
  'NOT_SENT',
  'NOT_HAPPENED',
  'EXPIRED',
  'DENIED',
  'CANCELLED',
])

/** Whoever asked or edited does not count where the rule says so. */
export function countApprovers(approval: Approval, needs = approval.needs): number {
  const own = new Set([approval.requester, ...(approval.editor === null ? [] : [approval.editor])])
  const counted = approval.approvers.filter(
    ({ approver, mayStill }) => mayStill && !(needs.not_requester && own.has(approver)),
  )
  return new Set(counted.map(({ approver }) => approver)).size
}

/** What a request has to have to be the answer once people have spoken. */
export const REQUEST_CHECKS: readonly ApprovalCheck[] = [
  { name: 'isOfSlot', holds: (one, { binding }) => one.key === binding.key },
  { name: 'isOfArguments', holds: (one, { binding }) => one.argsHash === binding.argsHash },
  {
    name: 'isOfTarget',
    holds: (one, { binding }) =>
      one.account === binding.account &&
      one.mode === binding.mode &&
      one.definitionHash === binding.definitionHash,
  },
  {
    name: 'isOfPolicy',
    holds: (one, { binding }) => one.policyVersion === binding.policyVersion,
  },
  {
    name: 'coversDemands',
    holds: ({ asked, needs }, { demands }) => {
      const wanted = addNeeds(demands)
      return (
        needs.approvers >= wanted.approvers &&
        (needs.not_requester || !wanted.not_requester) &&
        demands.every((demand) =>
          asked.some(({ gate, code }) => gate === demand.gate && code === demand.code),
        )
      )
    },
  },
]

/** What an approval has to be to let an effect through (design.md section 6). */
export const APPROVAL_CHECKS: readonly ApprovalCheck[] = [
  { name: 'isApproved', holds: ({ state, isWithdrawn }) => state === 'APPROVED' && !isWithdrawn },
  { name: 'isInTime', holds: ({ leftMs }) => leftMs > LEAST_LEFT_MS },
  ...REQUEST_CHECKS,
  {
    name: 'hasApprovers',
    holds: (one) => countApprovers(one) >= one.needs.approvers,
  },
  {
    name: 'isUnused',
    holds: (one, { rounds }) =>
      rounds.every(({ state, approvals }) => UNUSED.has(state) || !approvals.includes(one.id)),
  },
]
