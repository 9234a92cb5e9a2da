import type { PolicyDocument, PolicyRule } from '@chimera/contracts/policy/policy-document'

import { type Condition, compileConditions, ConditionFault } from './conditions.ts'

/** A rule, ready to be asked. */
export type CompiledRule = Readonly<{ rule: PolicyRule; conditions: readonly Condition[] }>

/** A version of a policy, compiled once and asked in microseconds. Immutable. */
export type CompiledPolicy = Readonly<{
  /** `<name>@<version>`, or the name alone of what is not applied. */
  name: string
  priceMaxAgeMs: number
  rules: readonly CompiledRule[]
}>

/** What keeps a document from being a policy: the rule and why. */
export type PolicyFault = Readonly<{ rule: string; fault: string }>

/** Compiles a document; faults of entries without a canonical form are all told. */
export function compilePolicy(
  document: PolicyDocument,
  version?: number,
): CompiledPolicy | { readonly faults: readonly PolicyFault[] } {
  const faults: PolicyFault[] = []
  const rules: CompiledRule[] = []
  for (const rule of document.rules) {
    try {
      rules.push({ rule, conditions: compileConditions(rule.when, document.lists) })
    } catch (error) {
      if (!(error instanceof ConditionFault)) throw error
      faults.push({ rule: rule.id, fault: error.message })
    }
  }
  if (faults.length > 0) return { faults }
  return {
    name: version === undefined ? document.name : `${document.name}@${version}`,
    priceMaxAgeMs: document.prices.max_age_seconds * 1_000,
    rules,
  }
}
