import type { EffectState, ProposedEffect } from '@chimera/contracts/effect'
import type { PolicyDecision, PolicyRequest } from '@chimera/contracts/policy/policy-request'

import type { Price } from '../budget/usd-worth.ts'
import { canonicalRequest } from '../policy/canonical-request.ts'
import type { CompiledPolicy } from '../policy/compile-policy.ts'
import { effectRequest } from '../policy/effect-request.ts'
import { evaluatePolicy, type WindowValue } from '../policy/evaluate-policy.ts'
import { ownShare, subjectOf } from '../policy/windows.ts'
import { editedProposal } from './approvals/edited-proposal.ts'
import type { Attempt, EffectScene } from './attempt.ts'
import { sourcesOf } from './gates/provenance-gate.ts'
import { keyOfProposal } from './key-of-proposal.ts'
import { checkProvenance } from './provenance.ts'
import type { Registry } from './registry.ts'

/** The policy in force for an attempt's tenant, and what it asks the record. */
export type PolicyScene = {
  readonly compiled: CompiledPolicy
  /** Of the database, milliseconds since 1970. */
  readonly nowMs: number
  readonly windowValue: WindowValue
  readonly priceOf: (asset: string) => Price | undefined
}

type Asked = {
  readonly attempt: Attempt
  readonly effect: ProposedEffect
  readonly account: string
}

/**
 * What a proposed effect asks of the policy. Without a registry nothing is said of where its
 * arguments came from.
 */
export function policyRequest(
  { attempt, effect, account }: Asked,
  scene: Pick<PolicyScene, 'nowMs' | 'priceOf'>,
  registry: Registry | undefined,
  approvals: EffectScene['approvals'] = [],
): PolicyRequest {
  const { goal, tenantId, goalId, taskId } = attempt
  return effectRequest(effect, {
    tenantId,
    goalId,
    taskId,
    agentId: goal.agentId,
    campaignId: goal.campaignId,
    mode: goal.mode,
    persona: personaOf(goal.content),
    label: registry && checkProvenance(effect, sourcesOf(attempt, { registry, approvals })).label,
    account,
    nowMs: scene.nowMs,
    priceOf: scene.priceOf,
  })
}

/** What of the scene a decision on one effect looks at beside the policy. */
type Beside = Pick<EffectScene, 'registry' | 'rounds' | 'accounts' | 'approvals'>

/** What the policy says of a proposed effect. */
export function policyDecision(asked: Asked, scene: Beside, policy: PolicyScene): PolicyDecision {
  const request = policyRequest(asked, policy, scene.registry, scene.approvals)
  return evaluatePolicy(policy.compiled, request, windowsFor(asked, scene, policy))
}

/** Rounds in these states are counted in the record already. */
const COUNTED: ReadonlySet<EffectState> = new Set<EffectState>([
  'GRANTED',
  'UNKNOWN',
  'NEEDS_HUMAN',
  'CONFIRMED',
])

/**
 * What windows hold before an effect: what the record and the batch hold, and what the same result
 * proposes before it, edited or not, because all of a result is granted at once.
 */
export function windowsFor(asked: Asked, scene: Beside, policy: PolicyScene): WindowValue {
  const { attempt, effect } = asked
  const { outcome } = attempt
  const all = outcome.outcome === 'result' ? outcome.result.proposed_effects : []
  // By its slot: what a person has edited is not the proposal any more.
  const at = all.findIndex(({ slot }) => slot === effect.slot)
  const before = all
    .slice(0, Math.max(0, at))
    .filter(({ slot }) => !(scene.rounds.get(slot) ?? []).some(({ state }) => COUNTED.has(state)))
    .map((one) => {
      const account = scene.accounts.get(one.tool)?.account ?? ''
      const key = keyOfProposal(attempt, one, account)
      const edited = editedProposal(one, { key, approvals: scene.approvals })
      const request = { attempt, effect: edited, account }
      return canonicalRequest(policyRequest(request, policy, scene.registry, scene.approvals))
    })
  return (window, subject) => {
    let held = policy.windowValue(window, subject)
    for (const request of before) {
      if ('fault' in request || subjectOf(window.per, request) !== subject) continue
      const share = ownShare(window, request)
      held = held === undefined || share === undefined ? undefined : held + share
    }
    return held
  }
}

function personaOf(content: unknown): string | undefined {
  if (typeof content !== 'object' || content === null || !('voice_ref' in content)) return undefined
  return typeof content.voice_ref === 'string' ? content.voice_ref : undefined
}
