import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { TestAccount } from '../testing/test-account.ts'
import { requestOf } from '../testing/test-tool.ts'
import { PREPARE_MS } from './prepare.ts'

let account: TestAccount
let made: number
beforeEach(async () => {
  made = 0
  account = new TestAccount()
  account.draft = (text) => ({
    prepare: async () => {
      made += 1
      return { ...requestOf(text), facts: { nonce: '7' } }
    },
  })
  await account.open()
})
afterEach(async () => account[Symbol.asyncDispose]())

describe('no look at the provider', () => {
  test('for a grant that is known', async () => {
    const claims = account.claims()
    await account.call(claims)
    expect(await account.call(claims)).toMatchObject({ status: 'CONFIRMED' })
    expect(made).toBe(1)
  })

  test('for a grant that never acts', async () => {
    const { exp: _exp, ...claims } = account.claims()
    const expired = { ...claims, exp: claims.iat + 1 }
    account.clockMs += 2_000
    expect(await account.call(expired)).toMatchObject({ status: 'VOID', code: 'GRANT_EXPIRED' })
    expect(made).toBe(0)
  })

  test('for a client that comes again with its key', async () => {
    await account.restart({ grants: 'off' })
    const key = { 'chimera/idempotency-key': 'k-1' }
    await account.callWith({ text: 'hello' }, key)
    expect(await account.callWith({ text: 'hello' }, key)).toMatchObject({ status: 'CONFIRMED' })
    expect(made).toBe(1)
  })
})

test('bytes are made for the round that is then claimed, with a grant and without', async () => {
  const asked: unknown[] = []
  account.draft = (text) => ({
    prepare: (of) => {
      asked.push(of)
      return requestOf(text)
    },
  })
  const claims = account.claims()
  await account.call(claims)
  expect(asked.pop()).toEqual({ effectKey: claims.effect_key, round: claims.round })
  await account.restart({ grants: 'off' })
  account.clockMs += 3_600_000
  await account.callWith({ text: 'hello' }, { 'chimera/idempotency-key': 'k-1' })
  expect(asked).toHaveLength(1)
  expect(asked[0]).toMatchObject({ effectKey: expect.stringMatching(/^client:.*k-1$/), round: 1 })
})

test('a refusal instead of bytes ends the round with a tombstone', async () => {
  const refusal = { code: 'LIMIT_EXCEEDED', detail: 'The simulation reverts.' } as const
  account.draft = () => ({ prepare: async () => refusal })
  const claims = account.claims()
  expect(await account.call(claims)).toMatchObject({ status: 'VOID', code: 'LIMIT_EXCEEDED' })
  expect(account.ledger.entries.get(claims.jti)).toMatchObject({ detail: refusal.detail })
  expect(account.sent).toEqual([])
})

test('what was noted when the bytes were made is in the ledger before they leave', async () => {
  let noted: unknown
  const claims = account.claims()
  const send = account.provider.send.bind(account.provider)
  await account.restart({
    rules: {
      send: async (given) => {
        noted = account.ledger.entries.get(claims.jti).facts
        return send(given)
      },
    },
  })
  await account.call({ ...claims, boot: account.ledger.boot })
  expect(noted).toEqual({ nonce: '7' })
})

test('a stop that comes while the bytes are made is seen by the claim', async () => {
  account.draft = (text) => ({
    prepare: async () => {
      await sleep(1)
      account.server.control.fence({ scope: 'everything', epoch: 1, stopped: true })
      return requestOf(text)
    },
  })
  expect(await account.call(account.claims())).toMatchObject({ status: 'VOID', code: 'FENCED' })
  expect(account.sent).toEqual([])
})

test('a provider that does not answer holds up neither the account nor the grant', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    account.draft = () => ({ prepare: async () => new Promise(() => {}) })
    const claims = account.claims()
    const late = account.call(claims)
    await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0))
    vi.advanceTimersByTime(PREPARE_MS)
    expect(await late).toMatchObject({ status: 'NONE', code: 'UPSTREAM_UNAVAILABLE' })
    account.draft = () => ({})
    expect(await account.call(claims)).toMatchObject({ status: 'CONFIRMED' })
  } finally {
    vi.useRealTimers()
  }
})
