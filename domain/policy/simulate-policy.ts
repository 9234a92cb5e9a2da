import type { PolicyRequest } from '@chimera/contracts/policy/policy-request'

import { type CanonicalRequest, canonicalRequest } from './canonical-request.ts'
import type { CompiledPolicy } from './compile-policy.ts'
import { decide } from './evaluate-policy.ts'
import { ownShare, subjectOf, type Window } from './windows.ts'

/** A decision of the past, and whether the effect was let out in the end. */
export type PastRequest = Readonly<{
  id: string
  request: PolicyRequest
  before: 'allow' | 'deny' | 'require_approval'
  rules: readonly string[]
  /** It was granted and not closed without effect: windows count it. */
  happened: boolean
}>

/** A decision that another policy would have made otherwise. */
export type ChangedDecision = Readonly<{
  id: string
  time: string
  tool: string
  agent: string
  before: string
  beforeRules: readonly string[]
  after: string
  afterRules: readonly string[]
}>

export type PolicySimulation = Readonly<{
  decisions: number
  /** `allow -> deny`: how many. Unchanged ones are counted as well. */
  outcomes: Readonly<Record<string, number>>
  changed: readonly ChangedDecision[]
}>

/** Changed decisions that are told one by one; all are counted. */
const MAX_TOLD = 500

/**
 * Decides past requests again, in the order given, oldest first. Windows hold what happened then,
 * without what the policy would have denied; what would have asked for a person is taken to have
 * been approved.
 */
export function simulatePolicy(
  policy: CompiledPolicy,
  past: readonly PastRequest[],
): PolicySimulation {
  const outcomes: Record<string, number> = {}
  const changed: ChangedDecision[] = []
  const happened: CanonicalRequest[] = []
  for (const { id, request, before, rules, happened: didHappen } of past) {
    const canonical = canonicalRequest(request)
    const said =
      'fault' in canonical
        ? { decision: 'deny' as const, rules: [] }
        : decide(policy, canonical, (window, subject) =>
            heldBefore(happened, canonical, { window, subject }),
          )
    if (!('fault' in canonical) && didHappen && said.decision !== 'deny') happened.push(canonical)
    const outcome = `${before} -> ${said.decision}`
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    if (said.decision === before || changed.length >= MAX_TOLD) continue
    changed.push({
      id,
      time: request.time,
      tool: request.tool,
      agent: request.agent,
      before,
      beforeRules: rules,
      after: said.decision,
      afterRules: said.rules,
    })
  }
  return { decisions: past.length, outcomes, changed }
}

/** What the window held when a request was made; undefined when a figure is missing. */
function heldBefore(
  happened: readonly CanonicalRequest[],
  now: CanonicalRequest,
  { window, subject }: { window: Window; subject: string },
): bigint | undefined {
  let held = 0n
  // Oldest first: from the end until the window is over.
  for (let at = happened.length - 1; at >= 0; at -= 1) {
    const one = happened[at]
    if (one === undefined || one.time <= now.time - window.seconds * 1_000) break
    if (one.tenant !== now.tenant || subjectOf(window.per, one) !== subject) continue
    const share = ownShare(window, one)
    if (share === undefined) return undefined
    held += share
  }
  return held
}
