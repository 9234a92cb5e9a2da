import { loadConfig } from '@chimera/runtime/config'
import { expect, test } from 'vitest'

import { chooseNetwork } from './choose-network.ts'

const choose = (env: Record<string, string>) => chooseNetwork(loadConfig(['tweet'], env))

const SIMULATED = {
  TWEET_BACKEND: 'simulated',
  SIMULATED_X_URL: 'http://127.0.0.1:1',
  SIMULATED_X_TOKEN: 'token',
}
const OAUTH1 = {
  X_API_KEY: 'a',
  X_API_SECRET: 'b',
  X_ACCESS_TOKEN: 'c',
  X_ACCESS_SECRET: 'd',
}

test('the simulated back end is never live, and its absence bound may be shortened', () => {
  expect(choose(SIMULATED)).toMatchObject({ label: 'simulated', isLive: false })
  expect(choose({ ...SIMULATED, TWEET_ABSENCE_MS: '1500' }).absence).toEqual({
    afterMs: 1_500,
    reads: 2,
    readsApartMs: 100,
  })
})

test.each([
  { ...OAUTH1, TWEET_BACKEND: 'x' },
  { TWEET_BACKEND: 'x', X_OAUTH2_TOKEN: 'e' },
])('X is live, waits 15 minutes and reads a minute apart', (env) => {
  expect(choose(env)).toMatchObject({
    label: 'x',
    isLive: true,
    absence: { afterMs: 900_000, reads: 2, readsApartMs: 60_000 },
  })
})

test.each([
  { TWEET_BACKEND: 'simulated', SIMULATED_X_URL: 'http://127.0.0.1:1' },
  { TWEET_BACKEND: 'x' },
  { TWEET_BACKEND: 'x', X_API_KEY: 'a', X_API_SECRET: 'b' },
  { TWEET_BACKEND: 'x', ...OAUTH1, X_OAUTH2_TOKEN: 'e' },
  { TWEET_BACKEND: 'x', X_OAUTH2_TOKEN: 'e', TWEET_ABSENCE_MS: '10' },
  { TWEET_BACKEND: 'x', X_OAUTH2_TOKEN: 'e', TWEET_COOLDOWN_MS: '10' },
])('a half or doubtful configuration is refused', (env) => {
  expect(() => choose(env)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

test('credentials never travel in the clear, and a simulation is never X itself', () => {
  const clear = { TWEET_BACKEND: 'x', X_OAUTH2_TOKEN: 'e', X_BASE_URL: 'http://api.x.com' }
  expect(() => choose(clear)).toThrow(/must be https/u)
  expect(() => choose({ ...SIMULATED, SIMULATED_X_URL: 'https://api.x.com' })).toThrow(/X itself/u)
})
