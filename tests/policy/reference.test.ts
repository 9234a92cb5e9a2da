/** The engine against a second reading of docs/policy.md, and what has to hold of every policy. */
import { PolicyDocument } from '@chimera/contracts/policy/policy-document'
import { PolicyRequest } from '@chimera/contracts/policy/policy-request'
import { type CompiledPolicy, compilePolicy } from '@chimera/domain/policy/compile-policy'
import { evaluatePolicy } from '@chimera/domain/policy/evaluate-policy'
import { expect } from 'vitest'

import { control, guarantee, type Random, sampleSize, seeded } from '../guarantee.ts'
import { randomPolicy, randomRequest, randomRule, respelled } from './random-policies.ts'
import type { Obj } from './reference-facts.ts'
import { referenceDecision } from './reference.ts'

/** Requests that one policy is asked. */
const REQUESTS_EACH = 100

function compiled(policy: Obj): CompiledPolicy {
  const made = compilePolicy(PolicyDocument.parse(policy))
  if ('faults' in made) throw new Error(JSON.stringify(made.faults))
  return made
}

const plain = ({ decision, rules, code, approvals }: ReturnType<typeof evaluatePolicy>) => ({
  decision,
  rules,
  code,
  ...(approvals === undefined ? {} : { approvals }),
})

type Evaluate = (
  policy: CompiledPolicy,
  request: PolicyRequest,
) => ReturnType<typeof evaluatePolicy>

function expectAgreement(n: number, random: Random, evaluate: Evaluate): void {
  const seen = new Map<string, number>()
  for (let asked = 0; asked < n; asked += REQUESTS_EACH) {
    const policy = randomPolicy(random)
    const engine = compiled(policy)
    for (let turn = 0; turn < REQUESTS_EACH; turn += 1) {
      const request = randomRequest(random)
      const said = plain(evaluate(engine, PolicyRequest.parse(request)))
      const expected = referenceDecision(policy, request)
      if (JSON.stringify(said) !== JSON.stringify(expected)) {
        expect({ said, policy, request }).toEqual({ said: expected, policy, request })
      }
      seen.set(said.code, (seen.get(said.code) ?? 0) + 1)
    }
  }
  // A sample that never comes to some answer proves nothing of it.
  for (const code of ['POLICY_ALLOWED', 'POLICY_DENIED', 'POLICY_NO_RULE', 'NEEDS_APPROVAL']) {
    expect(seen.get(code) ?? 0, code).toBeGreaterThan(n / 200)
  }
  expect(seen.get('POLICY_UNDECIDABLE') ?? 0).toBeGreaterThan(0)
  expect(seen.get('POLICY_INPUT_INVALID') ?? 0).toBeGreaterThan(0)
}

const n = sampleSize({ ci: 20_000, full: 1_000_000 })
const agreement = { id: 'policy-reference', n, seed: 61, timeoutMs: 1_800_000 }
guarantee(
  { ...agreement, title: 'the policy engine decides as an independent reading of its document' },
  ({ n: all, random }) => expectAgreement(all, random, evaluatePolicy),
)

control(
  { guard: 'deny before everything else', test: agreement.id, expect: /to deeply equal/ },
  () => {
    // What asks for a person is let ahead of what denies.
    expectAgreement(2_000, seeded(61), (policy, request) => {
      const rank = { require_approval: 0, allow: 1, deny: 2 }
      const rules = policy.rules.toSorted((a, b) => rank[a.rule.effect] - rank[b.rule.effect])
      const isAllow = ({ rule }: (typeof rules)[number]) => rule.effect !== 'deny'
      const lax = evaluatePolicy({ ...policy, rules: policy.rules.filter(isAllow) }, request)
      return lax.decision === 'deny' ? evaluatePolicy(policy, request) : lax
    })
  },
)

const STRICTNESS = { allow: 0, require_approval: 1, deny: 2 } as const

function expectDeniesOnlyTighten(tries: number, random: Random, effect: 'deny' | 'allow'): void {
  for (let turn = 0; turn < tries; turn += 1) {
    const policy = randomPolicy(random)
    const more = { ...policy, rules: [...rulesOf(policy), randomRule(random, 'added', effect)] }
    const request = PolicyRequest.parse(randomRequest(random))
    const [before, after] = [compiled(policy), compiled(more)].map(
      (one) => evaluatePolicy(one, request).decision,
    )
    expect(STRICTNESS[after ?? 'allow']).toBeGreaterThanOrEqual(STRICTNESS[before ?? 'deny'])
  }
}

const rulesOf = (policy: Obj) => (Array.isArray(policy['rules']) ? policy['rules'] : [])

const tighten = {
  id: 'policy-deny-tightens',
  n: sampleSize({ ci: 500, full: 100_000 }),
  seed: 62,
}
guarantee(
  { ...tighten, title: 'a rule that denies never makes anything allowed', timeoutMs: 600_000 },
  ({ n: tries, random }) => expectDeniesOnlyTighten(tries, random, 'deny'),
)
control(
  { guard: 'the effect of the added rule', test: tighten.id, expect: /greater than or equal/ },
  () => expectDeniesOnlyTighten(500, seeded(62), 'allow'),
)

function expectOneAnswer(tries: number, random: Random, evaluate: Evaluate): void {
  let differing = 0
  for (let turn = 0; turn < tries; turn += 1) {
    const policy = compiled(randomPolicy(random))
    const request = randomRequest(random)
    const again = respelled(random, request)
    if (JSON.stringify(again) !== JSON.stringify(request)) differing += 1
    const [one, other] = [request, again].map((of) => evaluate(policy, PolicyRequest.parse(of)))
    expect(other).toEqual(one)
  }
  expect(differing).toBeGreaterThan(tries / 2)
}

const spelling = { id: 'policy-spelling', n: sampleSize({ ci: 1_000, full: 200_000 }), seed: 63 }
guarantee(
  {
    ...spelling,
    title: 'addresses, amounts, assets and symbols get one answer however they are spelled',
    timeoutMs: 600_000,
  },
  ({ n: tries, random }) => expectOneAnswer(tries, random, evaluatePolicy),
)
control(
  { guard: 'the canonical form of a recipient', test: spelling.id, expect: /to deeply equal/ },
  () => {
    expectOneAnswer(1_000, seeded(63), (policy, request) => {
      const isKnown = request.recipient?.startsWith('0x') ?? true
      return evaluatePolicy(policy, isKnown ? request : { ...request, mode: 'none' })
    })
  },
)
