import { expect, test } from 'vitest'

import { loadOutsideServers } from './outside-servers.ts'

test("with nothing set the stack brings its own servers, its socket is the owner's", () => {
  expect(loadOutsideServers({ REDIS_URL: '' })).toEqual({
    databaseUrl: undefined,
    redisUrl: undefined,
    goalsFromStream: 'owner',
  })
})

test.each(['REDIS_URL', 'DATABASE_URL'])('%s alone does not say whose words a goal is', (name) => {
  expect(() => loadOutsideServers({ [name]: 'redis://somewhere' })).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('GOALS_FROM_STREAM must'),
    }),
  )
})

test('a foreign server is used once it is said whose words its goals are', () => {
  const env = { REDIS_URL: 'redis://somewhere', GOALS_FROM_STREAM: 'untrusted' }
  expect(loadOutsideServers(env)).toEqual({
    databaseUrl: undefined,
    redisUrl: 'redis://somewhere',
    goalsFromStream: 'untrusted',
  })
})

test('a typing error in a CHIMERA_ name is told, not ignored', () => {
  expect(() => loadOutsideServers({ CHIMERA_STATEDIR: '/x' })).toThrow('CHIMERA_STATEDIR')
})
