import { canonicalHash, canonicalJson } from '@chimera/contracts/canonical'
import type { EffectState, ProposedEffect } from '@chimera/contracts/effect'
import type { Decision } from '@chimera/contracts/judging/approval'

import { countApprovers } from './approval-checks.ts'
import type { Approval } from './approval.ts'

/** What a decision comes to: a change of the record, nothing, or a refusal. */
export type Outcome =
  /** The person has said it before, or the same: a second click has no effect. */
  | { readonly kind: 'already' }
  /** One word more; `isComplete` when it is the last that was needed. */
  | { readonly kind: 'approve'; readonly isComplete: boolean }
  | { readonly kind: 'turn_down'; readonly isResponse: boolean }
  | {
      readonly kind: 'edit'
      readonly args: ProposedEffect['args']
      readonly provenance: ProposedEffect['provenance']
      /** Whether the editor's word counts as one that approves. */
      readonly countsAsWord: boolean
      readonly isComplete: boolean
    }
  /** Approved before and not acted on; when it is granted, only its ledger can end it. */
  | { readonly kind: 'withdraw'; readonly isGranted: boolean }
  | {
      readonly kind: 'refused'
      readonly code: 'APPROVAL_DECIDED' | 'APPROVAL_EXPIRED' | 'APPROVAL_REFUSED' | 'INPUT_INVALID'
      readonly message: string
    }

/**
 * What a person's decision does to a request (design.md section 6). The first decision wins; who
 * asked or edited has no say where the rule says so; a reject after the grant asks for its void.
 */
export function decideApproval(of: {
  approval: Approval
  decision: Decision
  /** The person: a user, or a token that is nobody's. */
  person: string
  /** Of the rounds that rest on the approval or wait for it, the newest. */
  effectState: EffectState | undefined
}): Outcome {
  const { approval, decision, person } = of
  if (decision.decision === 'reject' && approval.state === 'APPROVED') return withdraw(of)
  const hasSaid = approval.approvers.some(({ approver }) => approver === person)
  if (decision.decision === 'approve' && hasSaid && !approval.isWithdrawn) {
    if (approval.state === 'REQUESTED' || approval.state === 'APPROVED') return { kind: 'already' }
  }
  if (approval.state !== 'REQUESTED') return decided(approval)
  if (approval.leftMs <= 0) {
    return { kind: 'refused', code: 'APPROVAL_EXPIRED', message: 'The time to decide is over.' }
  }
  switch (decision.decision) {
    case 'approve':
      return approve(approval, person)
    case 'reject':
      return { kind: 'turn_down', isResponse: false }
    case 'respond':
      return { kind: 'turn_down', isResponse: true }
    case 'edit':
      return edit(approval, person, decision.args)
  }
}

function approve(approval: Approval, person: string): Outcome {
  if (!counts(approval, person, approval.editor)) {
    const message = 'Whoever asked for this or edited it may not approve it.'
    return { kind: 'refused', code: 'APPROVAL_REFUSED', message }
  }
  return { kind: 'approve', isComplete: isComplete(approval, person) }
}

function edit(approval: Approval, person: string, args: ProposedEffect['args']): Outcome {
  if (approval.subject !== 'effect') {
    const message = 'A result is approved or not as it stands: respond to the Worker instead.'
    return { kind: 'refused', code: 'APPROVAL_REFUSED', message }
  }
  if (canonicalHash(args) === approval.argsHash) {
    const message = 'The arguments are the same as before: approve them.'
    return { kind: 'refused', code: 'INPUT_INVALID', message }
  }
  const provenance: ProposedEffect['provenance'] = {}
  for (const [name, value] of Object.entries(args)) {
    const argument = `/${name}`
    const pointer = approval.provenance[argument]
    const isUntouched =
      Object.hasOwn(approval.args, name) &&
      canonicalJson(approval.args[name]) === canonicalJson(value)
    if (!isUntouched)
      provenance[argument] = { source: 'person', approval: approval.id, path: argument }
    else if (pointer !== undefined) provenance[argument] = pointer
  }
  const countsAsWord = counts(approval, person, person)
  return {
    kind: 'edit',
    args,
    provenance,
    countsAsWord,
    isComplete: countsAsWord && approval.needs.approvers === 1,
  }
}

function withdraw(of: { approval: Approval; effectState: EffectState | undefined }): Outcome {
  const { approval, effectState } = of
  if (approval.isWithdrawn) return { kind: 'already' }
  if (effectState === 'GRANTED') return { kind: 'withdraw', isGranted: true }
  const isAhead = effectState === 'AWAITING_APPROVAL' || effectState === 'PROPOSED'
  return isAhead ? { kind: 'withdraw', isGranted: false } : decided(approval)
}

function decided({ state, supersededBy, isWithdrawn }: Approval): Outcome {
  const message =
    supersededBy === null
      ? `It is ${isWithdrawn ? 'taken back' : state} already; the first decision wins.`
      : `It was edited; approval ${supersededBy} takes its place.`
  return { kind: 'refused', code: 'APPROVAL_DECIDED', message }
}

function counts(approval: Approval, person: string, editor: string | null): boolean {
  return !approval.needs.not_requester || (person !== approval.requester && person !== editor)
}

function isComplete(approval: Approval, person: string): boolean {
  const approvers = [...approval.approvers, { approver: person, mayStill: true }]
  return countApprovers({ ...approval, approvers }) >= approval.needs.approvers
}
