import type { VenueError } from '../../venue/venue.ts'

/**
 * The exchange names its errors in words that change around the edges ("... asset=0"), so they are
 * known by a part. The first that fits counts.
 */
const WORDS: readonly (readonly [RegExp, VenueError])[] = [
  [/divisible by tick size/iu, 'tick'],
  [/invalid size|zero size|divisible by lot size/iu, 'lot'],
  [/minimum value of/iu, 'min_trade_notional'],
  [/insufficient margin/iu, 'margin'],
  [/reduce only order would increase/iu, 'reduce_only'],
  [/post only order would have immediately matched/iu, 'bad_alo_price'],
  [/could not immediately match/iu, 'ioc_cancel'],
  [/invalid tp\/sl price/iu, 'bad_trigger_price'],
  [/no liquidity available/iu, 'market_order_no_liquidity'],
  [/open interest/iu, 'open_interest_cap'],
  [/too far from oracle/iu, 'oracle_distance'],
  [/maximum position|max position/iu, 'position_cap'],
  [/never placed, already canceled, or filled/iu, 'missing_order'],
  [/cloid/iu, 'duplicate_cloid'],
  [/expire/iu, 'expired'],
  [/nonce/iu, 'nonce'],
  [/user or api wallet 0x[0-9a-f]+ does not exist|must deposit before/iu, 'signature'],
  [/delisted|trading is halted/iu, 'delisted'],
  [/too many (?:open )?orders/iu, 'too_many_orders'],
]

/** What an error of the exchange says, in the port's words; `other` for unheard ones. */
export function errorOf(words: string): VenueError {
  return WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? 'other'
}

/** An account that has used up its requests; one is free again every 10 seconds. */
export const isOutOfRequests = (words: string): boolean =>
  /too many cumulative requests/iu.test(words)
export const REQUEST_EVERY_MS = 10_000

/**
 * What was done already does not happen again: these say nothing against that it was this very
 * request, delivered twice.
 */
export const MAY_HAVE_HAPPENED: ReadonlySet<VenueError> = new Set(['nonce', 'duplicate_cloid'])
