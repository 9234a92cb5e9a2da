import { expect, test } from 'vitest'

import { DEFAULT_TENANT } from '../ids.ts'
import { fenceScope, scopeIn } from './fence-scope.ts'

const OTHER = '018f0000-0000-7000-8000-00000000000a'

test('namesakes of two tenants have fences of their own', () => {
  expect(fenceScope('agent', { tenant: DEFAULT_TENANT, id: 'a' })).toBe('agent:a')
  expect(fenceScope('agent', { tenant: OTHER, id: 'a' })).toBe(`agent:${OTHER}/a`)
  expect(fenceScope('tenant', { tenant: OTHER, id: OTHER })).toBe(`tenant:${OTHER}`)
})

test('what somebody stops is of their own tenant, unless it says otherwise', () => {
  expect(scopeIn(OTHER, 'goal:g:1')).toBe(`goal:${OTHER}/g:1`)
  expect(scopeIn(DEFAULT_TENANT, 'goal:g')).toBe('goal:g')
  for (const scope of ['everything', 'tool:x:default', `tenant:${OTHER}`, `agent:${OTHER}/a`]) {
    expect(scopeIn(OTHER, scope)).toBe(scope)
  }
})
