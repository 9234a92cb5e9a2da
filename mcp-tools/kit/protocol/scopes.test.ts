import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { expect, test } from 'vitest'

import { scopesOf } from './scopes.ts'

test('an effect is covered by the stops that the Judge writes into its grant', () => {
  const effect = { agent: 'a', campaign: 'c', goal: 'g', account: 'x:default' }
  expect(scopesOf({ ...effect, tenant: DEFAULT_TENANT })).toEqual([
    'everything',
    `tenant:${DEFAULT_TENANT}`,
    'agent:a',
    'campaign:c',
    'goal:g',
    'tool:x:default',
  ])
  // Namesakes of another tenant have fences of their own.
  expect(scopesOf({ ...effect, tenant: 't' })).toEqual([
    'everything',
    'tenant:t',
    'agent:t/a',
    'campaign:t/c',
    'goal:t/g',
    'tool:x:default',
  ])
  expect(scopesOf({ account: 'x:default' })).toEqual(['everything', 'tool:x:default'])
})
