import { expect, test } from 'vitest'

import { scopesOf } from './scopes.ts'

test('an effect is covered by the stops that the Judge writes into its grant', () => {
  const effect = { tenant: 't', agent: 'a', campaign: 'c', goal: 'g', account: 'x:default' }
  expect(scopesOf(effect)).toEqual([
    'everything',
    'tenant:t',
    'agent:a',
    'campaign:c',
    'goal:g',
    'tool:x:default',
  ])
  expect(scopesOf({ account: 'x:default' })).toEqual(['everything', 'tool:x:default'])
})
