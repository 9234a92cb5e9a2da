import { describe, expect, test } from 'vitest'

import type { Address } from '../chain/address.ts'
import { integerWord, transferCall } from '../chain/erc20.ts'
import { valueOf } from '../limits/value-of.ts'
import { WalletLimits } from '../limits/wallet-limits.ts'
import { appraiser } from './prices.ts'
import { spendsOf } from './spends-of.ts'

const TOKEN: Address = `0x${'70'.repeat(20)}`
const ALICE: Address = `0x${'a1'.repeat(20)}`
const SELF: Address = `0x${'5e'.repeat(20)}`
const caps = { per_transfer: '1', per_hour: '1', per_day: '1', per_week: '1' }
const limits = WalletLimits.parse({
  assets: [
    { asset: 'ETH', decimals: 18, price: { kind: 'fixed', usd_micros: '3000000000' }, caps },
    {
      asset: 'USDC',
      contract: TOKEN,
      decimals: 6,
      price: { kind: 'fixed', usd_micros: '1000000' },
      caps,
    },
  ],
  usd_micros: caps,
  count: { per_hour: 1, per_day: 1, per_week: 1 },
  recipients: [],
  new_recipient_delay_ms: 0,
  max_fee_per_gas_wei: '1000000000',
  max_gas: 100_000,
})
const appraise = appraiser({ feeds: new Map(), nowMs: 0 })
const known = { limits, appraise, l1Fee: 7n, self: SELF }
const plain = {
  chainId: 31_337,
  nonce: 0,
  maxPriorityFeePerGas: 1n,
  maxFeePerGas: 2n,
  gas: 21_000n,
  to: ALICE,
  value: 5n,
  data: Buffer.alloc(0),
}
const gas = { asset: 'ETH', amount: 21_000n * 1_000_000_000n + 7n }
const call = (selector: string, amount: bigint): Buffer =>
  Buffer.concat([
    Buffer.from(selector, 'hex'),
    Buffer.alloc(12),
    Buffer.from(ALICE.slice(2), 'hex'),
    integerWord(amount),
  ])

describe('what the bytes of a transaction can take', () => {
  test('is its value and its gas at the highest fee that a bump may offer', () => {
    const spends = spendsOf(plain, known)
    expect(spends).toMatchObject([{ asset: 'ETH', amount: 5n, recipient: ALICE }, gas])
    expect(spends).not.toHaveProperty('[1].recipient')
  })

  test('is the amount of a token that is moved', () => {
    const data = transferCall(ALICE, 9n)
    const spends = spendsOf({ ...plain, to: TOKEN, value: 0n, data }, known)
    expect(spends).toMatchObject([{ asset: 'USDC', amount: 9n, recipient: ALICE }, gas])
  })

  test.each(['095ea7b3', '39509351'])('is the whole of an allowance (%s)', (selector) => {
    const data = call(selector, 11n)
    const spends = spendsOf({ ...plain, to: TOKEN, value: 0n, data }, known)
    expect(spends).toMatchObject([{ asset: 'USDC', amount: 11n, recipient: ALICE }, gas])
  })

  test.each([2n ** 256n - 1n, 2n ** 255n, 2n ** 128n])(
    'is refused for an allowance without end (%s)',
    (amount) => {
      const data = call('095ea7b3', amount)
      const refused = spendsOf({ ...plain, to: TOKEN, value: 0n, data }, known)
      expect(refused).toMatchObject({ code: 'LIMIT_EXCEEDED' })
    },
  )

  test('is refused where it cannot be read', () => {
    const of = (changes: object) => spendsOf({ ...plain, to: TOKEN, value: 0n, ...changes }, known)
    // transferFrom, a selector alone, bytes behind the call, value beside it, dirty address.
    expect(of({ data: call('23b872dd', 1n) })).toMatchObject({ code: 'LIMIT_EXCEEDED' })
    expect(of({ data: Buffer.from('a9059cbb', 'hex') })).toMatchObject({ code: 'LIMIT_EXCEEDED' })
    const longer = Buffer.concat([transferCall(ALICE, 1n), Buffer.of(0)])
    expect(of({ data: longer })).toMatchObject({ code: 'LIMIT_EXCEEDED' })
    const data = transferCall(ALICE, 1n)
    expect(of({ data, value: 1n })).toMatchObject({ code: 'LIMIT_EXCEEDED' })
    const dirty = Buffer.from(data)
    dirty[4] = 1
    expect(of({ data: dirty })).toMatchObject({ code: 'LIMIT_EXCEEDED' })
    expect(of({ to: ALICE, data })).toMatchObject({ code: 'ASSET_UNKNOWN' })
  })

  test('is nothing but gas when it comes back to the wallet', () => {
    expect(spendsOf({ ...plain, to: SELF, value: 0n }, known)).toMatchObject([gas])
  })
})

test('values are rounded up: a limit never counts less than is spent', () => {
  expect(valueOf(1n, { usdMicros: 1n, decimals: 18 })).toBe(1n)
  expect(valueOf(10n ** 18n, { usdMicros: 3n, decimals: 18 })).toBe(3n)
  expect(valueOf(0n, { usdMicros: 3n, decimals: 18 })).toBe(0n)
})
