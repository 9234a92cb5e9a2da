import { expect, it } from 'vitest'

import { effectCosts } from './effect-costs.ts'

it('a transfer counts in its own asset and as one transaction', () => {
  expect(effectCosts('transfer_erc20', { asset: 'USDC', amount: '1500000', to: '0x' })).toEqual([
    { asset: 'TRANSFERS', amount: 1n },
    { asset: 'USDC', amount: 1_500_000n },
  ])
  expect(effectCosts('transfer_native', { amount: '7' })).toContainEqual({
    asset: 'ETH',
    amount: 7n,
  })
})

it('more than 2^53 base units are counted exactly', () => {
  const [, moved] = effectCosts('transfer_native', { amount: '90071992547409930001' })
  expect(moved?.amount).toBe(90_071_992_547_409_930_001n)
})

it.each([['-1'], ['1e3'], ['0x10'], ['1.5'], ['0'], [5], [undefined]])(
  'an amount of %s counts as a transaction and as no amount',
  (amount) => {
    expect(effectCosts('transfer_native', { amount })).toEqual([{ asset: 'TRANSFERS', amount: 1n }])
  },
)

it.each(['TRANSFERS', 'USD', 'MODELUSD', 'TOKENS'])(
  'no argument fills the count of %s',
  (asset) => {
    const args = { asset, amount: '1' }
    expect(effectCosts('transfer_erc20', args)).toEqual([{ asset: 'TRANSFERS', amount: 1n }])
  },
)

it('raising the fees of a stuck transfer is a transaction, a tweet is none', () => {
  expect(effectCosts('unstick_transfer', {})).toEqual([{ asset: 'TRANSFERS', amount: 1n }])
  expect(effectCosts('post_tweet', { text: 'hi' })).toEqual([])
})
