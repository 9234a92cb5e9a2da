import { SIMULATED_FEED, SIMULATED_TOKEN } from '#wallet/simulated-evm/known-contracts'

export const ALICE = '0x00000000000000000000000000000000000a11ce'
export const BOB = '0x0000000000000000000000000000000000000b0b'
export const ETH = 10n ** 18n
export const USDC = 10n ** 6n

const LONG_AGO = '2026-01-01T00:00:00.000Z'
const caps = (amount: bigint) => ({
  per_transfer: String(amount),
  per_hour: String(amount),
  per_day: String(amount),
  per_week: String(amount),
})

const eth = {
  asset: 'ETH',
  decimals: 18,
  price: { kind: 'feed', contract: SIMULATED_FEED, decimals: 8, max_age_ms: 3_600_000 },
  caps: caps(500n * ETH),
}
const usdc = {
  asset: 'USDC',
  contract: SIMULATED_TOKEN,
  decimals: 6,
  price: { kind: 'fixed', usd_micros: '1000000' },
  caps: caps(1_000_000n * USDC),
}

/** A limits file that allows Alice and Bob about everything; tests take some of it away. */
export function limitsWith(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    assets: [eth, usdc],
    usd_micros: caps(10_000_000n * 1_000_000n),
    count: { per_hour: 100_000, per_day: 100_000, per_week: 100_000 },
    recipients: [
      { address: ALICE, name: 'Alice', added_at: LONG_AGO },
      { address: BOB, name: 'Bob', added_at: LONG_AGO },
    ],
    new_recipient_delay_ms: 0,
    max_fee_per_gas_wei: '10000000000',
    max_gas: 200_000,
    ...changes,
  }
}

/** The same with other caps for USDC. */
export function withTokenCaps(token: Record<string, unknown>): Record<string, unknown> {
  return limitsWith({ assets: [eth, { ...usdc, caps: { ...usdc.caps, ...token } }] })
}
