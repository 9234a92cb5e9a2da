import { loadConfig } from '@chimera/runtime/config'
import { expect, test } from 'vitest'

import { openNetwork } from './open-network.ts'

const open = (env: Record<string, string>, isCrashArmed = false) =>
  openNetwork(loadConfig(['tweet'], env), isCrashArmed)

const simulated = {
  TWEET_BACKEND: 'simulated',
  SIMULATED_X_URL: 'http://127.0.0.1:9',
  SIMULATED_X_TOKEN: 'token',
}
const live = { TWEET_BACKEND: 'x', X_OAUTH2_TOKEN: 'token' }

test('the simulated back end is never live, and may be hurried', () => {
  const network = open({ ...simulated, TWEET_ABSENCE_MS: '1500', TWEET_COOLDOWN_MS: '1' }, true)
  expect(network).toMatchObject({
    label: 'simulated',
    isLive: false,
    absence: { afterMs: 1500, reads: 2, readsApartMs: 100 },
  })
})

test('the back end x is live', () => {
  expect(open(live)).toMatchObject({ label: 'x', isLive: true })
  const oauth1 = {
    TWEET_BACKEND: 'x',
    X_API_KEY: 'a',
    X_API_SECRET: 'b',
    X_ACCESS_TOKEN: 'c',
    X_ACCESS_SECRET: 'd',
  }
  expect(open(oauth1)).toMatchObject({ label: 'x', isLive: true })
  expect(() => open({ ...oauth1, X_ACCESS_SECRET: '' })).toThrow('X_OAUTH2_TOKEN')
})

test('nothing bends the rules beside a live back end', () => {
  expect(() => open({ ...live, TWEET_COOLDOWN_MS: '1' })).toThrow('TWEET_COOLDOWN_MS')
  expect(() => open({ ...live, TWEET_ABSENCE_MS: '1' })).toThrow('TWEET_ABSENCE_MS')
  expect(() => open(live, true)).toThrow('CHIMERA_CRASH_AT')
})

test.each([
  { X_API_KEY: 'a', X_API_SECRET: 'b' },
  { X_OAUTH2_TOKEN: 'e', X_API_KEY: 'a' },
  { X_OAUTH2_TOKEN: 'e', X_OAUTH2_SESSION: '/nowhere' },
  { X_OAUTH2_SESSION: '/nowhere' },
  { X_OAUTH2_SESSION: '/nowhere', X_OAUTH2_CLIENT_ID: 'c' },
])('half or doubtful credentials are refused: %j', (env) => {
  expect(() => open({ TWEET_BACKEND: 'x', ...env })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  )
})

test('credentials never travel in the clear, and a simulation is never X itself', () => {
  expect(() => open({ ...live, X_BASE_URL: 'http://api.x.com' })).toThrow(/must be https/u)
  expect(() => open({ ...simulated, SIMULATED_X_URL: 'https://api.x.com' })).toThrow(/X itself/u)
})

test('there is no back end by default', () => {
  expect(() => open({})).toThrow('TWEET_BACKEND')
  expect(() => open({ TWEET_BACKEND: 'simulated' })).toThrow('SIMULATED_X_URL')
})
