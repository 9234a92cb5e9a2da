import { canonicalJson } from '@chimera/contracts/canonical'
import type { PolicyDocument } from '@chimera/contracts/policy/policy-document'

/** One difference; `before` or `after` is null where there is nothing. */
export type PolicyChange = Readonly<{
  what: 'rule' | 'list' | 'prices' | 'name'
  id: string
  before: unknown
  after: unknown
}>

/** What another document would change, rule by rule and list by list; their order says nothing. */
export function diffPolicies(before: PolicyDocument, after: PolicyDocument): PolicyChange[] {
  const rules = (of: PolicyDocument) => new Map(of.rules.map((rule) => [rule.id, rule]))
  const lists = (of: PolicyDocument) => new Map(Object.entries(of.lists))
  return [
    ...differing('name', new Map([['name', before.name]]), new Map([['name', after.name]])),
    ...differing(
      'prices',
      new Map([['prices', before.prices]]),
      new Map([['prices', after.prices]]),
    ),
    ...differing('list', lists(before), lists(after)),
    ...differing('rule', rules(before), rules(after)),
  ]
}

function differing(
  what: PolicyChange['what'],
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): PolicyChange[] {
  const ids = [...new Set([...before.keys(), ...after.keys()])]
  return ids.flatMap((id) => {
    const [old = null, now = null] = [before.get(id), after.get(id)]
    return canonicalJson(old) === canonicalJson(now) ? [] : [{ what, id, before: old, after: now }]
  })
}
