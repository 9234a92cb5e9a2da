import { expect, test } from 'vitest'

import { environmentFor } from './process-environment.ts'

const outer = {
  PATH: '/bin',
  LOG_LEVEL: 'debug',
  LEASE_MS: '2000',
  X_API_SECRET: 'secret',
  X_API_KEY_FILE: '/keys/x',
  DATABASE_URL: 'postgres://outer',
  HEALTH_PORT: '1234',
  AWS_SECRET_ACCESS_KEY: 'of somebody else',
  CHIMERA_CRASH_AT: 'worker.task.read',
  EMPTY: '',
}

test('a process gets what its sections name, and nothing else', () => {
  const env = environmentFor({ sections: ['base', 'roles'], outer, own: { HEALTH_PORT: '7' } })
  expect(env).toEqual({
    PATH: '/bin',
    LOG_LEVEL: 'debug',
    LEASE_MS: '2000',
    CHIMERA_CRASH_AT: 'worker.task.read',
    HEALTH_PORT: '7',
  })
})

test('credentials of a provider reach its tool server only, by value and by file', () => {
  const env = environmentFor({ sections: ['base', 'tweet'], outer, own: {} })
  expect(env['X_API_SECRET']).toBe('secret')
  expect(env['X_API_KEY_FILE']).toBe('/keys/x')
  expect(environmentFor({ sections: ['base', 'worker'], outer, own: {} })).not.toHaveProperty(
    'X_API_SECRET',
  )
})

test("the stack's own value wins over the outer one, whichever way either is given", () => {
  const given = { ...outer, TOOL_TOKEN: 'outer', DATABASE_URL_FILE: '/outer' }
  const env = environmentFor({
    sections: ['postgres', 'worker'],
    outer: given,
    own: { TOOL_TOKEN_FILE: '/keys/mcp.token', DATABASE_URL: 'postgres://own' },
  })
  expect(env).toEqual({
    PATH: '/bin',
    TOOL_TOKEN_FILE: '/keys/mcp.token',
    DATABASE_URL: 'postgres://own',
  })
})
