import { readFileSync } from 'node:fs'

import { ChimeraError } from '@chimera/contracts/errors'
import { describe, expect, test } from 'vitest'

import { DEFAULT_POLICY } from './default-policy.ts'
import { readPolicy } from './read-policy.ts'

const faultsOf = (source: string): string[] => {
  try {
    readPolicy(source)
    return []
  } catch (error) {
    if (!(error instanceof ChimeraError) || error.code !== 'POLICY_INVALID') throw error
    return error.faults.map(({ pointer, detail }) => `${pointer} ${detail}`)
  }
}

describe('a policy in YAML', () => {
  test('that ships is read, and stands word by word in docs/policy.md', () => {
    expect(readPolicy(DEFAULT_POLICY).rules.length).toBeGreaterThan(5)
    const page = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')
    expect(page).toContain(`\`\`\`yaml\n${DEFAULT_POLICY}\`\`\``)
  })

  test('may be JSON', () => {
    expect(readPolicy('{"policy": 1, "name": "mine", "rules": []}')).toMatchObject({ rules: [] })
  })

  const rules = (when: string): string =>
    `policy: 1\nname: mine\nrules: [{ id: a, effect: deny, why: x, when: ${when} }]`
  test.each([
    ['an amount that is a number', rules('{ usd: { gt: 500.00 } }'), /\/rules\/0\/when\/usd/],
    ['an exponent', rules('{ usd: { gt: "1e3" } }'), /not dollars in quotes/],
    ['an alias', 'policy: 1\nname: &n mine\nrules: []\nlists: { x: [*n] }', /alias/],
    ['a key twice', 'policy: 1\npolicy: 1\nname: mine\nrules: []', /line 2/],
    ['a tag', 'policy: 1\nname: !!js/function x\nrules: []', /./],
    ['an unknown condition', rules('{ shell: rm }'), /shell/],
    ['an unknown action', rules('{ action: pay }'), /knows no "pay"/],
    ['a window without a bound', rules('{ count: { per: agent, window: 1h } }'), /needs one of/],
  ])('is refused with %s', (_, source, fault) => {
    expect(faultsOf(source).join('\n')).toMatch(fault)
  })

  test('is refused when it is too long', () => {
    expect(faultsOf(`# ${'x'.repeat(200_000)}`)).toHaveLength(1)
  })
})
