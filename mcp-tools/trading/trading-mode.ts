import type { VenueName } from './venue/venue.ts'

/** On paper or live, decided once, with what keeps it from being live. */
export type TradingMode = Readonly<{ name: 'paper' | 'live'; why: readonly string[] }>

/**
 * Live only when everything says so: the mode by its exact name, a venue by its exact name, and
 * limits that somebody has set. Whatever is odd or missing means paper, never the other way round
 * (facts/mcp-and-providers.md section 4: a server that took any odd value for live).
 */
export function chooseMode(config: {
  mode: string | undefined
  venue: string | undefined
  areLimitsSet: boolean
}): TradingMode & { venue: VenueName } {
  const why: string[] = []
  if (config.mode !== 'live') why.push('TRADING_MODE is not "live".')
  const venue = LIVE_VENUES.find((name) => name === config.venue)
  if (venue === undefined) why.push(`TRADING_VENUE is not ${LIVE_VENUES.join(' or ')}.`)
  if (!config.areLimitsSet) {
    why.push(
      'TRADING_MAX_ORDER_USD, TRADING_MAX_POSITION_PERCENT or TRADING_MAX_LEVERAGE is not set.',
    )
  }
  return venue === undefined || why.length > 0
    ? { name: 'paper', venue: 'paper', why }
    : { name: 'live', venue, why }
}

const LIVE_VENUES = ['hyperliquid-testnet', 'hyperliquid-mainnet'] as const
