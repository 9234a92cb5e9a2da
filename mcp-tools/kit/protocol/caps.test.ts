import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, beforeEach, expect, test } from 'vitest'

import type { Spend } from '../provider/exchange.ts'
import type { EffectDraft } from '../serving/define-tool.ts'
import { TestAccount } from '../testing/test-account.ts'
import { requestOf } from '../testing/test-tool.ts'
import { windowOf } from './checks.ts'

const DAY_MS = 86_400_000
const CAP = 50n

let account: TestAccount
beforeEach(async () => {
  account = new TestAccount()
})
afterEach(async () => account[Symbol.asyncDispose]())

const usdc = (amount: bigint, recipient = 'bob'): Spend => ({
  asset: 'usdc',
  amount,
  usdMicros: amount * 1_000_000n,
  recipient,
})

/** The amount is in the text: `pay 20 1` pays 20. */
const amountOf = (text: string): bigint => BigInt(text.split(' ')[1] ?? '0')

/** A payment: its bytes take a look at the provider, its caps are asked in the claim. */
const payment = (text: string): Partial<EffectDraft> => ({
  prepare: async () => {
    await sleep(1)
    return { ...requestOf(text), spends: [usdc(amountOf(text))] }
  },
  checkWindow: ({ spent }) =>
    spent({ asset: 'usdc', ms: DAY_MS }).amount + amountOf(text) > CAP
      ? { code: 'LIMIT_EXCEEDED', detail: 'The cap of the day is reached.' }
      : undefined,
})

const pay = async (text: string, wish: Parameters<TestAccount['claims']>[0] = {}) =>
  account.call(account.claims({ args: { text }, ...wish }), { text })

test('what may still happen counts however old it is, what is closed does not', async () => {
  account.draft = payment
  await account.open()
  account.answers.push({ kind: 'lose' }, { kind: 'refuse' }, { kind: 'accept' })
  const lost = account.claims({ args: { text: 'pay 20 1' } })
  expect(await account.call(lost, { text: 'pay 20 1' })).toMatchObject({ status: 'UNKNOWN' })
  expect(await pay('pay 30 2')).toMatchObject({ status: 'REFUSED' })
  expect(await pay('pay 30 3')).toMatchObject({ status: 'CONFIRMED' })
  expect(await pay('pay 1 4')).toMatchObject({ status: 'VOID', code: 'LIMIT_EXCEEDED' })

  account.clockMs += DAY_MS - 1
  const spent = () => windowOf(account.ledger).spent({ asset: 'usdc', ms: DAY_MS })
  expect(spent()).toEqual({ amount: 50n, usdMicros: 50_000_000n, count: 2 })
  account.clockMs += 1
  expect(spent()).toEqual({ amount: 20n, usdMicros: 20_000_000n, count: 1 })
  account.clockMs += 30 * DAY_MS
  expect(spent()).toMatchObject({ amount: 20n })
})

test('sums are of one asset, of one recipient, or of all in dollars', async () => {
  account.draft = (text) => ({
    ...payment(text),
    checkWindow: () => undefined,
    prepare: () => ({
      ...requestOf(text),
      spends: [usdc(amountOf(text), text.split(' ')[2]), { ...usdc(1n), asset: 'gas' }],
    }),
  })
  await account.open()
  await pay('pay 3 ann')
  await pay('pay 4 ben')
  const { spent, firstSentTo } = windowOf(account.ledger)
  expect(spent({ asset: 'usdc', ms: DAY_MS })).toMatchObject({ amount: 7n, count: 2 })
  expect(spent({ recipient: 'ann', asset: 'usdc', ms: DAY_MS })).toMatchObject({ amount: 3n })
  expect(spent({ ms: DAY_MS })).toEqual({ amount: 0n, usdMicros: 9_000_000n, count: 2 })
  expect(firstSentTo('ann')).toBe(account.clockMs)
  expect(firstSentTo('cid')).toBeUndefined()
})

test('amounts beyond 64 bits add up', async () => {
  const huge = 2n ** 200n
  account.draft = (text) => ({ spends: [usdc(huge)], prepare: () => requestOf(text) })
  await account.open()
  await pay('pay 1 a')
  expect(windowOf(account.ledger).spent({ asset: 'usdc', ms: 1_000 }).amount).toBe(huge)
})

test('a rehearsal makes no bytes, and takes nothing', async () => {
  let made = 0
  account.draft = (text) => ({ ...payment(text), prepare: () => (made++, requestOf(text)) })
  await account.open()
  expect(await pay('pay 60 1', { mode: 'dry' })).toMatchObject({ status: 'CONFIRMED' })
  expect(made).toBe(0)
  expect(windowOf(account.ledger).spent({ ms: DAY_MS }).count).toBe(0)
})
