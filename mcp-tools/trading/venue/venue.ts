import type { ErrorCode } from '@chimera/contracts/errors'
import type { AbsenceBound } from '@chimera/mcp-kit/protocol/absence'
import type { PreparedRequest, ProviderResponse } from '@chimera/mcp-kit/provider/exchange'

/**
 * A number as text, exactly: digits, at most one point, no exponent, no plus, no zeros that say
 * nothing. A minus only where a field says that it is signed. Money never passes through a float.
 */
export type DecimalText = string

/** Names of the venues, exact: whatever else a configuration says is `paper`. */
export const VENUES = ['paper', 'hyperliquid-testnet', 'hyperliquid-mainnet'] as const
export type VenueName = (typeof VENUES)[number]

/**
 * One perpetual market. Prices take `significantFigures` and `maxPriceDecimals` at most, integers
 * always; sizes are whole multiples of 10^-szDecimals (facts/trading.md section 5).
 */
export type Market = Readonly<{
  /** The venue's own name of the coin, `BTC`. Case matters: `kPEPE` is a thousand PEPE. */
  symbol: string
  /** Index in the venue's list, which orders are written with. */
  asset: number
  szDecimals: number
  maxPriceDecimals: number
  significantFigures: number
  maxLeverage: number
  /** Least size times price of an order that opens. */
  minNotionalUsd: DecimalText
  /** Nothing opens here any more. */
  isDelisted: boolean
}>

/** What a market stands at. */
export type Price = Readonly<{
  symbol: string
  /** What margin and liquidations are reckoned by. */
  mark: DecimalText
  /** Absent when a side of the book is empty. */
  mid?: DecimalText
  oracle: DecimalText
  /** Of the coming hour, signed, as a share of the position. */
  fundingRate: DecimalText
  /** Milliseconds of the venue's clock, or of ours when it does not say. */
  atMs: number
}>

export type BookLevel = Readonly<{ price: DecimalText; size: DecimalText; orders: number }>
/** Best level first. */
export type Book = Readonly<{
  symbol: string
  bids: readonly BookLevel[]
  asks: readonly BookLevel[]
  atMs: number
}>

export const CANDLE_INTERVALS = ['1m', '5m', '15m', '1h', '4h', '1d'] as const
export type CandleInterval = (typeof CANDLE_INTERVALS)[number]
/** Named by its opening; the last one of a list may not be closed yet. */
export type Candle = Readonly<{
  openMs: number
  open: DecimalText
  high: DecimalText
  low: DecimalText
  close: DecimalText
  volume: DecimalText
  isClosed: boolean
}>

export type Position = Readonly<{
  symbol: string
  /** Signed: below zero is short. Never zero. */
  size: DecimalText
  entryPrice: DecimalText
  /** Size without its sign times mark, in US dollars. */
  notionalUsd: DecimalText
  /** Signed. */
  unrealizedPnlUsd: DecimalText
  leverage: number
  /** Absent when no price would liquidate it. */
  liquidationPrice?: DecimalText
}>

/** What the account owns and owes. */
export type AccountState = Readonly<{
  /** Signed: what would be left if all positions were closed at mark. */
  equityUsd: DecimalText
  marginUsedUsd: DecimalText
  withdrawableUsd: DecimalText
  positions: readonly Position[]
  atMs: number
}>

export type Side = 'buy' | 'sell'
/**
 * `gtc` rests until cancelled, `ioc` takes what it gets at once, `alo` only ever rests. There is no
 * market order: it is an `ioc` whose price is the worst that is taken.
 */
export const TIME_IN_FORCE = ['gtc', 'ioc', 'alo'] as const
export type TimeInForce = (typeof TIME_IN_FORCE)[number]

/** Sleeps until the mark passes `price`, then takes what it gets up to the order's own price. */
export type Trigger = Readonly<{ kind: 'stop' | 'take_profit'; price: DecimalText }>

/** An order to be placed. `cloid` is ours: 0x and 32 lower-case hex digits. */
export type OrderRequest = Readonly<{
  symbol: string
  side: Side
  /** Above zero. */
  size: DecimalText
  /** The worst price that is taken. */
  price: DecimalText
  /** Of a trigger order `ioc`. */
  tif: TimeInForce
  reduceOnly: boolean
  trigger?: Trigger
  cloid: string
}>

/** An order as it is named in a cancel: by the venue's own id or by ours. */
export type OrderName =
  | Readonly<{ symbol: string; oid: string; cloid?: undefined }>
  | Readonly<{ symbol: string; cloid: string; oid?: undefined }>

/** What is sent to a venue, as one request. */
export type VenueAction =
  | Readonly<{ kind: 'place'; order: OrderRequest }>
  /** All named in one way; 1 to `MAX_CANCELS`. */
  | Readonly<{ kind: 'cancel'; orders: readonly OrderName[] }>

/** More than this in one request is refused. */
export const MAX_CANCELS = 100

/** `partial` is an open order that has been filled in part. */
export type OrderState = 'open' | 'partial' | 'filled' | 'cancelled' | 'triggered' | 'rejected'

/** An order as the venue tells of it. */
export type Order = Readonly<{
  oid: string
  cloid?: string
  symbol: string
  side: Side
  price: DecimalText
  /** As it was placed. */
  size: DecimalText
  /** What is not filled. */
  remaining: DecimalText
  reduceOnly: boolean
  trigger?: Trigger
  state: OrderState
  /** The venue's own word, such as `marginCanceled`. */
  venueState: string
  placedAtMs: number
  /** When `state` became so. */
  updatedAtMs: number
}>

/** One trade; `tid` is its only identity, whatever is delivered twice. */
export type Fill = Readonly<{
  tid: string
  oid: string
  cloid?: string
  symbol: string
  side: Side
  price: DecimalText
  size: DecimalText
  /** Signed: below zero is a rebate. */
  feeUsd: DecimalText
  /** Signed, before the fee. */
  closedPnlUsd: DecimalText
  /** Whether this side took, rather than made. */
  isTaker: boolean
  atMs: number
}>

/**
 * Why a venue did not do a thing, as it names it (facts/trading.md section 5); `other` is
 * whatever else it says, which is a refusal all the same.
 */
export const VENUE_ERRORS = [
  'tick',
  'lot',
  'min_trade_notional',
  'margin',
  'reduce_only',
  'bad_alo_price',
  'ioc_cancel',
  'bad_trigger_price',
  'market_order_no_liquidity',
  'open_interest_cap',
  'oracle_distance',
  'position_cap',
  'missing_order',
  'duplicate_cloid',
  'expired',
  'nonce',
  'signature',
  'delisted',
  'too_many_orders',
  'other',
] as const
export type VenueError = (typeof VENUE_ERRORS)[number]

/** What the venue says of one order of an action. */
export type OrderAnswer =
  | Readonly<{ kind: 'resting'; oid: string }>
  | Readonly<{ kind: 'filled'; oid: string; size: DecimalText; averagePrice: DecimalText }>
  /** A trigger order sleeps; some venues name no id for it. */
  | Readonly<{ kind: 'waiting'; oid?: string }>
  | Readonly<{ kind: 'cancelled' }>
  | Readonly<{ kind: 'error'; error: VenueError; detail: string }>

/**
 * What an answer to an action proves. `answered` holds one answer for each order of the action, in
 * its order: HTTP 200 may still hold errors. `refused`: nothing of the action was done.
 */
export type ActionAnswer =
  | Readonly<{ outcome: 'answered'; orders: readonly OrderAnswer[] }>
  | Readonly<{
      outcome: 'refused'
      error: VenueError
      code: Extract<ErrorCode, 'UPSTREAM_REJECTED' | 'UPSTREAM_RATE_LIMITED'>
      detail: string
      retryAfterMs?: number
    }>
  | Readonly<{ outcome: 'unknown'; detail: string }>

/**
 * What is known of an order by its name, as of a moment of the venue's own clock, which may lag
 * behind what it has accepted elsewhere. `unknown`: it had not heard of it by then.
 */
export type FoundOrder = Readonly<{ asOfMs: number }> &
  (Readonly<{ kind: 'found'; order: Order }> | Readonly<{ kind: 'unknown' }>)

/** Reads give up after the venue's own deadline; the signal ends them sooner. */
export type ReadOptions = Readonly<{ signal?: AbortSignal }>

/**
 * One account on one exchange. Reading is free and may be repeated. Nothing here sends an action:
 * `prepare` makes the bytes, the kit sends them once, `classify` reads the answer.
 *
 * All reads reject with ChimeraError: `UPSTREAM_UNAVAILABLE` or `UPSTREAM_RATE_LIMITED` when trying
 * again may help, `MARKET_UNKNOWN` for a symbol that the venue does not list.
 */
export type Venue = Readonly<{
  name: VenueName
  /** A live one acts for goals of mode `live` alone, and its outcomes are real. */
  isLive: boolean
  /**
   * From when on an action that nobody has seen can never happen: after `expiresAfterMs` nothing of
   * it is done, and the bound adds what clocks may differ by (design.md section 5, item 4).
   */
  absence: AbsenceBound

  /** Every market, in the venue's order. May answer from a cache of at most a minute. */
  markets: (options?: ReadOptions) => Promise<readonly Market[]>
  price: (of: Readonly<{ symbol: string }>, options?: ReadOptions) => Promise<Price>
  /** At most `depth` levels a side, 1 to 20. */
  book: (of: Readonly<{ symbol: string; depth: number }>, options?: ReadOptions) => Promise<Book>
  /** Oldest first, opened in [fromMs, toMs); at most 500, the newest ones then. */
  candles: (
    of: Readonly<{ symbol: string; interval: CandleInterval; fromMs: number; toMs: number }>,
    options?: ReadOptions,
  ) => Promise<readonly Candle[]>
  account: (options?: ReadOptions) => Promise<AccountState>
  /** What is open, trigger orders included, newest first. */
  openOrders: (options?: ReadOptions) => Promise<readonly Order[]>
  /** By our own name or the venue's, whatever became of it. */
  findOrder: (
    name: Readonly<{ cloid: string } | { oid: string }>,
    options?: ReadOptions,
  ) => Promise<FoundOrder>
  /** Oldest first, since a moment of the venue's clock; each tid once. At most 2,000. */
  fills: (of: Readonly<{ sinceMs: number }>, options?: ReadOptions) => Promise<readonly Fill[]>

  /**
   * The exact bytes of one action, signed, with a nonce of their own; the venue drops them when
   * they come after `expiresAfterMs` (milliseconds since 1970). `facts` names the nonce and that
   * time. Sends nothing; may read the list of markets. Rejects with `MARKET_UNKNOWN`, and with
   * RangeError for a price or size that is not legal there: callers check before.
   */
  prepare: (
    action: VenueAction,
    limits: Readonly<{ expiresAfterMs: number }>,
  ) => Promise<PreparedRequest>
  /** Pure. Whatever could hide an action that was done is `unknown`. */
  classify: (action: VenueAction, response: ProviderResponse) => ActionAnswer
}>
