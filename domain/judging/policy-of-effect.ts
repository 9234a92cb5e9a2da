import type { ProposedEffect } from '@chimera/contracts/effect'
import type { PolicyDecision, PolicyRequest } from '@chimera/contracts/policy/policy-request'

import type { CompiledPolicy } from '../policy/compile-policy.ts'
import { effectRequest, type Price } from '../policy/effect-request.ts'
import { evaluatePolicy, type WindowValue } from '../policy/evaluate-policy.ts'
import type { Attempt } from './attempt.ts'
import { sourcesOf } from './gates/provenance-gate.ts'
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
    label: registry && checkProvenance(effect, sourcesOf(attempt, { registry })).label,
    account,
    nowMs: scene.nowMs,
    priceOf: scene.priceOf,
  })
}

/** What the policy says of a proposed effect. */
export function policyDecision(
  asked: Asked,
  scene: PolicyScene,
  registry: Registry,
): PolicyDecision {
  const request = policyRequest(asked, scene, registry)
  return evaluatePolicy(scene.compiled, request, scene.windowValue)
}

function personaOf(content: unknown): string | undefined {
  if (typeof content !== 'object' || content === null || !('voice_ref' in content)) return undefined
  return typeof content.voice_ref === 'string' ? content.voice_ref : undefined
}
