import { HOUSE_ASSETS } from '@chimera/contracts/budget/moving-tools'
import { expect, test } from 'vitest'

import { WalletLimits } from './wallet-limits.ts'

const caps = { per_transfer: '1', per_hour: '1', per_day: '1', per_week: '1' }
const price = { kind: 'fixed', usd_micros: '1' }

/** Limits of a wallet that holds ether and a token of this name. */
const limitsWith = (asset: string): unknown => ({
  assets: [
    { asset: 'ETH', decimals: 18, price, caps },
    { asset, contract: `0x${'5c'.repeat(20)}`, decimals: 6, price, caps },
  ],
  usd_micros: caps,
  count: { per_hour: 1, per_day: 1, per_week: 1 },
  recipients: [],
  new_recipient_delay_ms: 0,
  max_fee_per_gas_wei: '1',
  max_gas: 21_000,
})

test('a wallet holds a token of a name of its own', () => {
  expect(WalletLimits.safeParse(limitsWith('USDC')).success).toBe(true)
})

test.each(HOUSE_ASSETS)('and none that is named %s, as the house counts that', (asset) => {
  expect(WalletLimits.safeParse(limitsWith(asset)).error?.issues).toMatchObject([
    { path: ['assets', 1, 'asset'], message: expect.stringContaining('the house counts') },
  ])
})
