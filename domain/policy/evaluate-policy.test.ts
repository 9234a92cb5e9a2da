import { PolicyDocument } from '@chimera/contracts/policy/policy-document'
import { PolicyRequest } from '@chimera/contracts/policy/policy-request'
import { describe, expect, test } from 'vitest'

import { compilePolicy } from './compile-policy.ts'
import { diffPolicies } from './diff-policies.ts'
import { evaluatePolicy, neededWindows } from './evaluate-policy.ts'
import { explainPolicy } from './explain-policy.ts'
import { lintPolicy } from './lint-policy.ts'
import { payment, policyOf } from './policy-samples.ts'
import { simulatePolicy } from './simulate-policy.ts'

const rule = (id: string, effect: string, when: object, over: object = {}) => ({
  id,
  effect,
  why: `${id}.`,
  when,
  ...over,
})
const ALLOW = rule('all', 'allow', {})
const decisionOf = (rules: readonly object[], over: Parameters<typeof payment>[0] = {}) =>
  evaluatePolicy(policyOf(rules), payment(over))

describe('a decision', () => {
  test('is a denial when no rule is there', () => {
    expect(decisionOf([])).toMatchObject({ decision: 'deny', code: 'POLICY_NO_RULE', rules: [] })
  })

  test('is a denial when any rule denies, whatever else is said', () => {
    const deny = rule('no', 'deny', { recipient: '0x00000000000000000000000000000000000A11CE' })
    expect(decisionOf([ALLOW, deny, rule('ask', 'require_approval', {})])).toMatchObject({
      decision: 'deny',
      rules: ['no'],
    })
  })

  test('asks as many people as the strictest rule that asks', () => {
    const asking = [
      ALLOW,
      rule('one', 'require_approval', {}),
      rule('two', 'require_approval', { asset: 'usdc' }, { approvals: 2 }),
    ]
    expect(decisionOf(asking)).toMatchObject({ rules: ['one', 'two'], approvals: 2 })
  })

  test.each([
    ['is fresh', '2026-11-21T11:00:00Z', 'POLICY_ALLOWED'],
    ['is stale', '2026-11-21T10:59:59Z', 'POLICY_UNDECIDABLE'],
    ['is of the future', '2026-11-21T12:00:06Z', 'POLICY_UNDECIDABLE'],
  ])('by dollars needs a price; one that %s', (_, price_at, code) => {
    const rules = [ALLOW, rule('big', 'deny', { usd: { gt: '500.00' } })]
    expect(decisionOf(rules, { usd: { value: '1.00', price_at } })).toMatchObject({ code })
  })

  test('by dollars without a price is a denial, and is none of what moves nothing', () => {
    const rules = [ALLOW, rule('big', 'deny', { usd: { gt: '500.00' } })]
    const { usd: _usd, ...unpriced } = payment()
    expect(evaluatePolicy(policyOf(rules), unpriced)).toMatchObject({ code: 'POLICY_UNDECIDABLE' })
    const { amount: _amount, ...tweet } = { ...unpriced, tool: 'post_tweet' }
    expect(evaluatePolicy(policyOf(rules), tweet)).toMatchObject({ decision: 'allow' })
  })

  test.each([
    ['2', 'allow'],
    ['3', 'deny'],
    [undefined, 'deny'],
  ])('by a window that held %s counts this one, too', (held, decision) => {
    const rules = [
      ALLOW,
      rule('cap', 'deny', { count: { per: 'agent', window: '24h', actions: ['transfer'], gt: 3 } }),
    ]
    const windows = held === undefined ? {} : { 'count/agent/86400s/transfer': held }
    expect(decisionOf(rules, { windows })).toMatchObject({ decision })
  })

  test.each([
    ['a recipient that is no name', { recipient: '\u0430lice' }],
    ['no recipient', { recipient: undefined }],
    ['an amount that is none', { amount: { asset: 'USDC', base: '1e6' } }],
    ['an amount said twice', { amount: { asset: 'USDC', base: '1', whole: '1', decimals: 6 } }],
    ['another action than the tool has', { action: 'read' }],
    ['a time of another zone', { time: '2026-11-21T12:00:00+02:00' }],
    ['arguments that JSON cannot say', { args: { text: '\ud800' } }],
    ['an unknown mode', { mode: 'LIVE' }],
  ])('on a request with %s is a denial', (_, over) => {
    // What is said to be undefined is not there, as on the wire.
    const request = PolicyRequest.parse(JSON.parse(JSON.stringify({ ...payment(), ...over })))
    const said = evaluatePolicy(policyOf([ALLOW]), request)
    expect(said).toMatchObject({ decision: 'deny', code: 'POLICY_INPUT_INVALID' })
  })
})

describe('what a decision depends on', () => {
  const counting = rule('cap', 'deny', {
    action: 'transfer',
    label: 'untrusted',
    count: { per: 'recipient', window: '1h', gt: 3 },
  })
  test('are the windows of rules that could apply, whatever the label', () => {
    const policy = policyOf([ALLOW, counting])
    expect(neededWindows(policy, payment()).map(({ subject }) => subject)).toEqual([
      '0x00000000000000000000000000000000000a11ce',
    ])
    expect(neededWindows(policy, payment({ tool: 'post_tweet' }))).toEqual([])
  })

  test('is told condition by condition', () => {
    const { rules } = explainPolicy(policyOf([counting]), payment())
    expect(rules[0]).toMatchObject({
      applies: 'no',
      conditions: [
        { name: 'action', holds: 'yes' },
        { name: 'label', holds: 'no' },
        { name: 'count', holds: 'unknown' },
      ],
    })
  })
})

describe('a document', () => {
  const document = (rules: readonly object[], over: object = {}) =>
    PolicyDocument.parse({ policy: 1, name: 'mine', rules, ...over })

  test('with an entry that has no canonical form is no policy', () => {
    const compiled = compilePolicy(document([rule('a', 'deny', { recipient: '\u0430lice' })]))
    expect(compiled).toMatchObject({ faults: [{ rule: 'a' }] })
  })

  test('is told what is strange about it', () => {
    const strange = document(
      [
        rule('a', 'allow', { count: { per: 'agent', window: '32d', lt: 3 }, tool: 'no_tool' }),
        rule('b', 'allow', {}),
      ],
      { lists: { unused: ['x'] } },
    )
    const found = lintPolicy(strange).map(({ level, rule: id }) => `${level} ${id ?? ''}`.trim())
    expect(found.toSorted()).toEqual(['error a', 'warning', 'warning a', 'warning a', 'warning b'])
  })

  test('names no token as the house names its counters; dollars are usd', () => {
    const sum = (unit: string) => ({ sum: { per: 'agent', window: '1h', unit, gt: '5' } })
    const strange = document([
      rule('units', 'deny', sum('USD')),
      rule('dollars', 'deny', sum('usd')),
      rule('amount', 'deny', { amount: { asset: 'TOKENS', gt: '1' } }),
      rule('asset', 'deny', { asset: 'MODELUSD' }),
      rule('token', 'deny', { asset: 'USDC', amount: { asset: 'USDC', gt: '1' } }),
      rule('all', 'allow', { mode: 'paper' }),
    ])
    const errors = lintPolicy(strange).filter(({ level }) => level === 'error')
    expect(errors.map(({ rule: id }) => id)).toEqual(['units', 'amount', 'asset'])
  })

  test('differs by rules, lists, prices and name; not by the order of its rules', () => {
    const [a, b] = [rule('a', 'allow', {}), rule('b', 'deny', { mode: 'live' })]
    expect(diffPolicies(document([a, b]), document([b, a]))).toEqual([])
    const other = document([a], { lists: { x: ['y'] }, prices: { max_age_seconds: 60 } })
    const changes = diffPolicies(document([a, b]), other)
    expect(changes.map(({ what, id }) => `${what} ${id}`)).toEqual([
      'prices prices',
      'list x',
      'rule b',
    ])
  })
})

test('a simulation fills windows as the policy would have let them fill', () => {
  const policy = policyOf([
    ALLOW,
    rule('cap', 'deny', { count: { per: 'agent', window: '1h', actions: ['transfer'], gt: 2 } }),
  ])
  const minutes = [0, 10, 20, 30, 75]
  const past = minutes.map((minute, n) => ({
    id: String(n),
    request: payment({ time: new Date(Date.UTC(2026, 10, 21, 12, minute)).toISOString() }),
    before: 'allow' as const,
    rules: [],
    happened: true,
  }))
  const { outcomes, changed } = simulatePolicy(policy, past)
  expect(outcomes).toEqual({ 'allow -> allow': 3, 'allow -> deny': 2 })
  expect(changed.map(({ id, afterRules }) => [id, ...afterRules])).toEqual([
    ['2', 'cap'],
    ['3', 'cap'],
  ])
})
