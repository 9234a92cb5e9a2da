/** Of the simulated chain, as `mcp-tools/wallet/simulated-evm` has it. */
const TOKEN = '0x5c00000000000000000000000000000000000001'
const PRICE_FEED = '0x5c00000000000000000000000000000000000002'

/**
 * What the simulated wallet of a new installation may do: a file that its operator edits. Nobody
 * has the keys of these two recipients; on this chain that costs nothing.
 */
export const SIMULATED_LIMITS = {
  assets: [
    {
      asset: 'ETH',
      decimals: 18,
      price: { kind: 'feed', contract: PRICE_FEED, decimals: 8, max_age_ms: 3_600_000 },
      caps: {
        per_transfer: '1000000000000000000',
        per_hour: '2000000000000000000',
        per_day: '5000000000000000000',
        per_week: '10000000000000000000',
      },
    },
    {
      asset: 'USDC',
      contract: TOKEN,
      decimals: 6,
      price: { kind: 'fixed', usd_micros: '1000000' },
      caps: {
        per_transfer: '1000000000',
        per_hour: '2000000000',
        per_day: '5000000000',
        per_week: '10000000000',
      },
    },
  ],
  usd_micros: {
    per_transfer: '5000000000',
    per_hour: '10000000000',
    per_day: '20000000000',
    per_week: '50000000000',
  },
  count: { per_hour: 20, per_day: 100, per_week: 300 },
  recipients: [
    {
      address: '0x00000000000000000000000000000000000a11ce',
      name: 'alice',
      added_at: '2026-01-01T00:00:00.000Z',
    },
    {
      address: '0x0000000000000000000000000000000000000b0b',
      name: 'bob',
      added_at: '2026-01-01T00:00:00.000Z',
    },
  ],
  new_recipient_delay_ms: 0,
  max_fee_per_gas_wei: '1000000000',
  max_gas: 200_000,
}
