import { CONFIG_SECTIONS, type Config } from '@chimera/contracts/config'
import { ConfigError } from '@chimera/runtime/config'
import { describe, expect, test } from 'vitest'

import { openVenue } from './open-venue.ts'
import { tradingKind } from './trading-kind.ts'

const KEY = `0x${'ab'.repeat(32)}`
const PAPER = {
  SIMULATED_EXCHANGE_URL: 'http://127.0.0.1:9',
  SIMULATED_EXCHANGE_KEY: KEY,
}
const LIVE = {
  ...PAPER,
  TRADING_MODE: 'live',
  TRADING_VENUE: 'hyperliquid-mainnet',
  TRADING_MAX_ORDER_USD: '100',
  TRADING_MAX_POSITION_PERCENT: '5',
  TRADING_MAX_LEVERAGE: '1.5',
  HYPERLIQUID_KEY: KEY,
  HYPERLIQUID_ACCOUNT: `0x${'cd'.repeat(20)}`,
}
const config = (env: Record<string, string | undefined>): Config<'trading'> =>
  CONFIG_SECTIONS.trading.parse(env)
const open = (env: Record<string, string | undefined>, isCrashArmed = false) =>
  openVenue(config(env), { isCrashArmed })
function faultsOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigError) return JSON.stringify(error.faults) + error.message
    throw error
  }
  return ''
}

describe('live', () => {
  test('takes the exact mode, an exact venue and every limit', () => {
    const { venue, mode } = open(LIVE)
    expect(venue).toMatchObject({ name: 'hyperliquid-mainnet', isLive: true })
    expect(mode).toMatchObject({ name: 'live', why: [] })
    expect(tradingKind(config(LIVE), false).backend).toEqual({
      label: 'hyperliquid-mainnet',
      isLive: true,
    })
  })

  test.each([
    { TRADING_MODE: undefined },
    { TRADING_MODE: 'LIVE' },
    { TRADING_MODE: 'Live' },
    { TRADING_MODE: ' live' },
    { TRADING_MODE: 'true' },
    { TRADING_MODE: 'prod' },
    { TRADING_VENUE: undefined },
    { TRADING_VENUE: 'hyperliquid' },
    { TRADING_VENUE: 'Hyperliquid-Mainnet' },
    { TRADING_VENUE: 'mainnet' },
    { TRADING_MAX_ORDER_USD: undefined },
    { TRADING_MAX_POSITION_PERCENT: undefined },
    { TRADING_MAX_LEVERAGE: undefined },
  ])('is not what %o comes to: that is paper, with the reason', (odd) => {
    const { venue, mode } = open({ ...LIVE, ...odd })
    expect(venue).toMatchObject({ name: 'paper', isLive: false })
    expect(mode.name).toBe('paper')
    expect(mode.why).toHaveLength(1)
  })

  test('refuses to start without key and account, or with what bends the rules', () => {
    expect(faultsOf(() => open({ ...LIVE, HYPERLIQUID_KEY: undefined }))).toContain(
      'HYPERLIQUID_KEY',
    )
    expect(faultsOf(() => open({ ...LIVE, HYPERLIQUID_ACCOUNT: undefined }))).toContain(
      'HYPERLIQUID_ACCOUNT',
    )
    expect(faultsOf(() => open({ ...LIVE, TRADING_ABSENCE_MS: '10' }))).toContain(
      'TRADING_ABSENCE_MS',
    )
    expect(faultsOf(() => open(LIVE, true))).toContain('CHIMERA_CRASH_AT')
  })
})

describe('paper', () => {
  test.each([
    'https://api.hyperliquid.xyz',
    'https://API.hyperliquid-testnet.xyz/',
    'https://x.hyperliquid.xyz',
  ])('never reaches %s', (url) => {
    expect(faultsOf(() => open({ ...PAPER, SIMULATED_EXCHANGE_URL: url }))).toContain('real')
  })

  test('says what is missing, and never what is wrong with a key', () => {
    const { SIMULATED_EXCHANGE_URL: _url, ...noUrl } = PAPER
    expect(faultsOf(() => open(noUrl))).toContain('SIMULATED_EXCHANGE_URL')
    const bad = { ...PAPER, SIMULATED_EXCHANGE_KEY: 'canary-4711' }
    const said = faultsOf(() => open(bad))
    expect(said).toContain('SIMULATED_EXCHANGE_KEY')
    expect(said).not.toContain('canary-4711')
  })
})
