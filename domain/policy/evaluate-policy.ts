import type { PolicyDecision, PolicyRequest } from '@chimera/contracts/policy/policy-request'

import { type CanonicalRequest, canonicalRequest } from './canonical-request.ts'
import { canonicalUnits } from './canonical-values.ts'
import type { CompiledPolicy, CompiledRule } from './compile-policy.ts'
import type { Surroundings, Truth } from './conditions.ts'
import { subjectOf, type Window, type WindowQuery } from './windows.ts'

/** What a window held before; undefined: nobody can say, and then it is denied. */
export type WindowValue = (window: Window, subject: string) => bigint | undefined

/**
 * Decides a request (docs/policy.md). No rule: denied. A rule that denies wins over every other,
 * and one that cannot be told denies as well. Pure, and it never throws for what a request holds.
 */
export function evaluatePolicy(
  policy: CompiledPolicy,
  request: PolicyRequest,
  windowValue: WindowValue = windowsIn(request),
): PolicyDecision {
  const of = {
    ...(request.id === undefined ? {} : { id: request.id }),
    policy: policy.name,
  }
  const canonical = canonicalRequest(request)
  if ('fault' in canonical) {
    const reason = `The request has ${canonical.fault}.`
    return { ...of, decision: 'deny', rules: [], code: 'POLICY_INPUT_INVALID', reason }
  }
  return { ...of, ...decide(policy, canonical, windowValue) }
}

/** The windows that a request says itself, for imagined ones. */
export function windowsIn({ windows = {} }: PolicyRequest): WindowValue {
  return ({ name }) => {
    const text = Object.hasOwn(windows, name) ? windows[name] : undefined
    return text === undefined ? undefined : canonicalUnits(text)
  }
}

/** A decision on a request in its canonical form. */
export function decide(
  policy: CompiledPolicy,
  request: CanonicalRequest,
  windowValue: WindowValue,
): Omit<PolicyDecision, 'id' | 'policy'> {
  const around = { windowValue, priceMaxAgeMs: policy.priceMaxAgeMs }
  const denying: CompiledRule[] = []
  const unsure: CompiledRule[] = []
  const asking: CompiledRule[] = []
  const allowing: CompiledRule[] = []
  for (const compiled of policy.rules) {
    const truth = matches(compiled, request, around)
    if (truth === false) continue
    if (truth === undefined) unsure.push(compiled)
    else if (compiled.rule.effect === 'deny') denying.push(compiled)
    else if (compiled.rule.effect === 'require_approval') asking.push(compiled)
    else allowing.push(compiled)
  }
  const said = (rules: readonly CompiledRule[]) => ({
    rules: rules.map(({ rule }) => rule.id),
    reason: reasonOf(rules),
  })
  if (denying.length > 0) return { decision: 'deny', code: 'POLICY_DENIED', ...said(denying) }
  if (unsure.length > 0) {
    const reason = `It cannot be told whether a rule applies: ${reasonOf(unsure)}`.slice(0, 1000)
    return { decision: 'deny', code: 'POLICY_UNDECIDABLE', ...said(unsure), reason }
  }
  if (asking.length > 0) {
    const approvals = Math.max(...asking.map(({ rule }) => rule.approvals ?? 1))
    return { decision: 'require_approval', code: 'NEEDS_APPROVAL', ...said(asking), approvals }
  }
  if (allowing.length > 0) {
    return { decision: 'allow', code: 'POLICY_ALLOWED', ...said(allowing) }
  }
  const reason = `No rule of the policy is about ${request.action} like this.`
  return { decision: 'deny', code: 'POLICY_NO_RULE', rules: [], reason }
}

/** All conditions hold; one that does not makes the others not matter. */
function matches(
  { conditions }: Pick<CompiledRule, 'conditions'>,
  request: CanonicalRequest,
  around: Surroundings,
): Truth {
  let isSure = true
  for (const { test } of conditions) {
    const truth = test(request, around)
    if (truth === false) return false
    if (truth === undefined) isSure = false
  }
  return isSure ? true : undefined
}

/** Told of so many rules in words; their ids are all told. */
const MAX_TOLD = 3

function reasonOf(rules: readonly CompiledRule[]): string {
  const told = rules.slice(0, MAX_TOLD).map(({ rule }) => `rule ${rule.id}: ${rule.why}`)
  const more = rules.length - told.length
  return [...told, ...(more > 0 ? [`and ${more} more`] : [])].join('; ').slice(0, 1000)
}

/**
 * What a decision on the request depends on in the record: the windows of all rules that could
 * apply, whatever they hold and whatever the request's label. Sorted, each once.
 */
export function neededWindows(policy: CompiledPolicy, request: PolicyRequest): WindowQuery[] {
  const canonical = canonicalRequest(request)
  if ('fault' in canonical) return []
  const found = new Map<string, WindowQuery>()
  const around = { windowValue: () => undefined, priceMaxAgeMs: policy.priceMaxAgeMs }
  for (const compiled of policy.rules) {
    if (!compiled.conditions.some(({ window }) => window !== undefined)) continue
    // With nothing known of the windows, a rule that is out for another reason is out.
    const conditions = compiled.conditions.filter(({ name }) => name !== 'label')
    if (matches({ conditions }, canonical, around) === false) continue
    for (const { window } of compiled.conditions) {
      if (window === undefined) continue
      const subject = subjectOf(window.per, canonical)
      if (subject === undefined) continue
      found.set(`${window.name} ${subject}`, { tenant: canonical.tenant, subject, window })
    }
  }
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, query]) => query)
}
