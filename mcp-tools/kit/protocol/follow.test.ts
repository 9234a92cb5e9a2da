import type { GrantClaims } from '@chimera/contracts/grant'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { TestAccount } from '../testing/test-account.ts'
import { requestOf } from '../testing/test-tool.ts'
import { windowOf } from './checks.ts'

const DAY_MS = 86_400_000
const gas = { asset: 'eth', amount: 1n, usdMicros: 2n }
const paid = { asset: 'usdc', amount: 50n, usdMicros: 50n, recipient: 'bob' }

let account: TestAccount
let claims: GrantClaims
let ticking: NodeJS.Timeout
beforeEach(async () => {
  account = new TestAccount()
  account.draft = (text) => ({
    followMs: 5_000,
    spends: [paid, gas],
    prepare: () => ({ ...requestOf(text), facts: { nonce: '7' } }),
  })
  await account.open()
  account.answers.push({ kind: 'take', facts: { tx_hash: '0x1' } })
  claims = account.claims()
  ticking = setInterval(() => (account.clockMs += 5), 5)
})
afterEach(async () => {
  clearInterval(ticking)
  await account[Symbol.asyncDispose]()
})

const found = { kind: 'found', providerRef: '0x1', facts: { block: '9' } } as const
const entry = () => account.ledger.entries.get(claims.jti)

test('a call waits for the end of what the provider has taken', async () => {
  account.looks.push({ kind: 'not_yet', inMs: 5 }, { kind: 'not_yet', inMs: 5 }, found)
  expect(await account.call(claims)).toMatchObject({ status: 'CONFIRMED' })
  expect(entry()).toMatchObject({
    providerRef: '0x1',
    isPending: false,
    facts: { nonce: '7', tx_hash: '0x1', block: '9' },
  })
})

test('a call that has waited long enough says UNKNOWN, and the looks go on', async () => {
  account.draft = (text) => ({ followMs: 20, prepare: () => requestOf(text) })
  account.looks.push({ kind: 'not_yet', inMs: 200 }, found)
  expect(await account.call(claims)).toMatchObject({ status: 'UNKNOWN', code: 'OUTCOME_UNKNOWN' })
  expect(entry().isPending).toBe(true)
  await expect.poll(() => entry().state).toBe('CONFIRMED')
})

test('after a restart what is pending is looked at, at once', async () => {
  account.draft = (text) => ({ prepare: () => requestOf(text) })
  account.looks.push({ kind: 'not_yet', inMs: 60_000 })
  expect(await account.call(claims)).toMatchObject({ status: 'UNKNOWN' })
  account.looks = [found]
  await account.restart()
  await expect.poll(() => entry().state).toBe('CONFIRMED')
})

test('a reverted transaction keeps its gas and releases its amount', async () => {
  account.looks.push({
    ...found,
    spends: [gas],
    costUsdMicros: 2n,
    detail: 'reverted: balance too low',
  })
  const { receipt } = await account.call(claims)
  expect(receipt).toMatchObject({ state: 'CONFIRMED', cost_usd_micros: '2' })
  const { spent, firstSentTo } = windowOf(account.ledger)
  expect(spent({ asset: 'usdc', ms: DAY_MS })).toMatchObject({ amount: 0n, count: 0 })
  expect(spent({ asset: 'eth', ms: DAY_MS })).toMatchObject({ amount: 1n, count: 1 })
  expect(firstSentTo('bob')).toBeUndefined()
})

test('what was pending for a week counts from its end', async () => {
  account.draft = (text) => ({ spends: [paid], prepare: () => requestOf(text) })
  account.looks.push({ kind: 'not_yet', inMs: 60_000 })
  expect(await account.call(claims)).toMatchObject({ status: 'UNKNOWN' })
  await expect.poll(() => account.looks).toHaveLength(0)
  account.looks.push(found)
  account.clockMs += 7 * DAY_MS
  await account.server.control.reconcile([claims.jti])
  expect(entry().state).toBe('CONFIRMED')
  expect(windowOf(account.ledger).spent({ asset: 'usdc', ms: 1_000 }).amount).toBe(50n)
})

test('a server that ends does not wait for the end of a transaction', async () => {
  account.draft = (text) => ({ followMs: 60_000, prepare: () => requestOf(text) })
  const calling = account.call(claims)
  await expect.poll(() => account.sent).toHaveLength(1)
  await account.server[Symbol.asyncDispose]()
  expect(await calling).toMatchObject({ status: 'UNKNOWN' })
})
