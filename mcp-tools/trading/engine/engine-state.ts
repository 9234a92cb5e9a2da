/**
 * The state of a paper exchange: plain values, changed only by the functions beside this file.
 * Prices and dollars are bigint micros, sizes bigint lots of their market; a legal price times a
 * whole number of lots is a whole number of micros, so no value is ever rounded (venue.ts, Market).
 */

/** A perpetual market. `asset` is its index in the list. */
export type EngineMarket = Readonly<{
  symbol: string
  szDecimals: number
  maxLeverage: number
}>

/** Charged on the notional, in millionths: 450 is 0.045 %. */
export type FeeRates = Readonly<{ takerMillionths: bigint; makerMillionths: bigint }>

/** Best first. Lots that were taken are gone until the next quote. */
export type Level = readonly [priceMicros: bigint, lots: bigint]

/** What the world offers in one market at one moment. */
export type Quote = Readonly<{
  asset: number
  bids: readonly Level[]
  asks: readonly Level[]
  markMicros: bigint
  oracleMicros: bigint
  /**
   * The lowest and highest trade since the last quote, where known: what rests or waits within is
   * reached even though nobody looked.
   */
  lowMicros?: bigint
  highMicros?: bigint
}>

export type EngineTif = 'Gtc' | 'Ioc' | 'Alo'
export type EngineTrigger = Readonly<{
  /** Takes what it gets when it fires, instead of resting at its price. */
  isMarket: boolean
  priceMicros: bigint
  tpsl: 'tp' | 'sl'
}>

/** An order as it comes in. */
export type EngineOrder = Readonly<{
  asset: number
  isBuy: boolean
  priceMicros: bigint
  lots: bigint
  reduceOnly: boolean
  tif: EngineTif
  trigger?: EngineTrigger
  cloid?: string
  /** For faults that a test asks for: at most this much is filled at once. */
  maxFillLots?: bigint
}>

/** The exchange's own words; `...Rejected` never was on the book. */
export type OrderStatus =
  | 'open'
  | 'filled'
  | 'canceled'
  | 'triggered'
  | 'marginCanceled'
  | 'reduceOnlyCanceled'
  | 'liquidatedCanceled'
  | `${string}Rejected`

/** An order and what became of it. */
export type OrderRecord = Omit<EngineOrder, 'lots' | 'maxFillLots'> & {
  readonly oid: bigint
  /** As it was placed. */
  readonly origLots: bigint
  /** What was not filled, whether it still may be or was given up. */
  lots: bigint
  filledLots: bigint
  /** The sum of price times lots of its fills. */
  filledMicros: bigint
  status: OrderStatus
  /** Still asleep. */
  isWaiting: boolean
  readonly placedAtMs: number
  statusAtMs: number
}

export type FillRecord = Readonly<{
  tid: bigint
  oid: bigint
  cloid?: string
  asset: number
  isBuy: boolean
  priceMicros: bigint
  lots: bigint
  /** The signed position before it. */
  startLots: bigint
  /** Before the fee. */
  closedMicros: bigint
  feeMicros: bigint
  /** It took; it did not make. */
  crossed: boolean
  isLiquidation: boolean
  atMs: number
}>

export type PositionRecord = {
  /** Signed, never 0. */
  lots: bigint
  /** What the open lots cost, signed like them: entry price times lots. */
  costMicros: bigint
}

export type AccountRecord = {
  /** Deposits minus all that was bought plus all that was sold, fees and funding included. */
  cashMicros: bigint
  readonly positions: Map<number, PositionRecord>
  readonly leverage: Map<number, number>
  /** By oid, the oldest first. */
  readonly orders: Map<bigint, OrderRecord>
  readonly byCloid: Map<string, bigint>
  fills: FillRecord[]
  paidFundingMicros: bigint
  paidFeesMicros: bigint
}

export type EngineState = {
  readonly markets: readonly EngineMarket[]
  readonly fees: FeeRates
  readonly startingMicros: bigint
  readonly accounts: Map<string, AccountRecord>
  /** With the liquidity that orders have taken since taken out. */
  readonly quotes: Map<number, Quote>
  nextOid: bigint
  nextTid: bigint
  /** When funding was last reckoned; undefined before the first quote. */
  fundedToMs: number | undefined
}

/** Hyperliquid shows a new account at 20x, or at the market's own most. */
const DEFAULT_LEVERAGE = 20
/** As many as the exchange still tells of; what is open is always kept. */
export const MAX_KEPT_ORDERS = 20_000
export const MAX_KEPT_FILLS = 10_000
/** Resting and waiting orders of one account. */
export const MAX_OPEN_ORDERS = 1_000

export function accountOf(state: EngineState, account: string): AccountRecord {
  const known = state.accounts.get(account)
  if (known !== undefined) return known
  const fresh: AccountRecord = {
    cashMicros: state.startingMicros,
    positions: new Map(),
    leverage: new Map(),
    orders: new Map(),
    byCloid: new Map(),
    fills: [],
    paidFundingMicros: 0n,
    paidFeesMicros: 0n,
  }
  state.accounts.set(account, fresh)
  return fresh
}

/** Throws RangeError for an asset that is not in the list: the wire has checked it. */
export function marketOf(state: EngineState, asset: number): EngineMarket {
  const market = state.markets[asset]
  if (market === undefined) throw new RangeError(`There is no asset ${asset}.`)
  return market
}

export function leverageOf(state: EngineState, record: AccountRecord, asset: number): number {
  const { maxLeverage } = marketOf(state, asset)
  return record.leverage.get(asset) ?? Math.min(DEFAULT_LEVERAGE, maxLeverage)
}

/** Price times lots in micros, exact for legal prices. */
export function notionalOf(state: EngineState, asset: number, price: bigint, lots: bigint): bigint {
  return (price * lots) / 10n ** BigInt(marketOf(state, asset).szDecimals)
}

export const sizeOf = (lots: bigint): bigint => (lots < 0n ? -lots : lots)

export const isOpen = ({ status }: OrderRecord): boolean =>
  status === 'open' || status === 'triggered'

export function openOrdersOf(record: AccountRecord): OrderRecord[] {
  return [...record.orders.values()].filter(isOpen)
}
