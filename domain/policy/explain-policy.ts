import type { RuleEffect } from '@chimera/contracts/policy/policy-document'
import type { PolicyDecision, PolicyRequest } from '@chimera/contracts/policy/policy-request'

import { canonicalRequest } from './canonical-request.ts'
import type { CompiledPolicy } from './compile-policy.ts'
import { evaluatePolicy, type WindowValue, windowsIn } from './evaluate-policy.ts'

/** How each rule came out, condition by condition. */
export type PolicyExplanation = Readonly<{
  decision: PolicyDecision
  rules: readonly Readonly<{
    rule: string
    effect: RuleEffect
    why: string
    applies: 'yes' | 'no' | 'unknown'
    conditions: readonly Readonly<{ name: string; holds: 'yes' | 'no' | 'unknown' }>[]
  }>[]
}>

/** Explains a decision: the same evaluation, with everything that it looked at. */
export function explainPolicy(
  policy: CompiledPolicy,
  request: PolicyRequest,
  windowValue: WindowValue = windowsIn(request),
): PolicyExplanation {
  const decision = evaluatePolicy(policy, request, windowValue)
  const canonical = canonicalRequest(request)
  if ('fault' in canonical) return { decision, rules: [] }
  const around = { windowValue, priceMaxAgeMs: policy.priceMaxAgeMs }
  const rules = policy.rules.map(({ rule, conditions }) => {
    const held = conditions.map(({ name, test }) => ({
      name,
      holds: told(test(canonical, around)),
    }))
    const all = new Set(held.map(({ holds }) => holds))
    const applies = all.has('no') ? 'no' : all.has('unknown') ? 'unknown' : 'yes'
    return { rule: rule.id, effect: rule.effect, why: rule.why, applies, conditions: held } as const
  })
  return { decision, rules }
}

function told(truth: boolean | undefined): 'yes' | 'no' | 'unknown' {
  if (truth === undefined) return 'unknown'
  return truth ? 'yes' : 'no'
}
