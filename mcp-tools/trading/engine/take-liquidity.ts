import {
  notionalOf,
  sizeOf,
  type AccountRecord,
  type EngineState,
  type FillRecord,
  type Level,
  type OrderRecord,
  type Quote,
} from './engine-state.ts'
import { fillOrder } from './fill-order.ts'
import { freeMarginOf, marginForOrder } from './margin.ts'

/** Whether an order that buys up to `price`, or sells down to it, takes this level. */
const isReached = (isBuy: boolean, price: bigint, level: bigint): boolean =>
  isBuy ? level <= price : level >= price

/** Whether the order would trade at once. */
export function wouldMatch(
  quote: Quote | undefined,
  { isBuy, priceMicros }: Pick<OrderRecord, 'isBuy' | 'priceMicros'>,
): boolean {
  const best = (isBuy ? quote?.asks : quote?.bids)?.[0]
  return best !== undefined && isReached(isBuy, priceMicros, best[0])
}

/** Whether the market has traded beyond a resting order's price since the last quote. */
export function isTradedThrough(
  { lowMicros, highMicros }: Quote,
  { isBuy, priceMicros }: Pick<OrderRecord, 'isBuy' | 'priceMicros'>,
): boolean {
  const through = isBuy ? lowMicros : highMicros
  return through !== undefined && (isBuy ? through < priceMicros : through > priceMicros)
}

/** What a reduce-only order may still do, and any other order as well. */
export function fillableLots(record: AccountRecord, order: OrderRecord): bigint {
  if (!order.reduceOnly) return order.lots
  const held = record.positions.get(order.asset)?.lots ?? 0n
  if (held === 0n || held > 0n === order.isBuy) return 0n
  return order.lots < sizeOf(held) ? order.lots : sizeOf(held)
}

/** Whether what an open order would add to the position is covered, itself already counted. */
export function isCovered(state: EngineState, record: AccountRecord, order: OrderRecord): boolean {
  return marginForOrder(state, record, order) === 0n || freeMarginOf(state, record) >= 0n
}

/**
 * Takes from the other side of the book, best level first, at the levels' prices. What it takes is
 * gone for everybody until the next quote. Answers the fills, which may be none.
 */
export function takeLiquidity(given: {
  state: EngineState
  record: AccountRecord
  order: OrderRecord
  maxLots?: bigint | undefined
  atMs: number
}): FillRecord[] {
  const { state, record, order, atMs } = given
  const { asset, isBuy } = order
  const quote = state.quotes.get(asset)
  if (quote === undefined) return []
  let wanted = fillableLots(record, order)
  if (given.maxLots !== undefined && given.maxLots < wanted) wanted = given.maxLots
  const fills: FillRecord[] = []
  const left: Level[] = []
  for (const [price, offered] of isBuy ? quote.asks : quote.bids) {
    const isTaken = wanted > 0n && isReached(isBuy, order.priceMicros, price)
    const lots = isTaken ? (offered < wanted ? offered : wanted) : 0n
    if (lots > 0n) {
      fills.push(fillOrder({ state, record, order, priceMicros: price, lots, crossed: true, atMs }))
      wanted -= lots
    }
    if (offered > lots) left.push([price, offered - lots])
  }
  state.quotes.set(asset, isBuy ? { ...quote, asks: left } : { ...quote, bids: left })
  return fills
}

/**
 * What a new quote gives an order that rests: all of it when the market has traded through its
 * price, else what the other side of the book offers there. It makes, so it fills at its own price.
 */
export function giveToResting(given: {
  state: EngineState
  record: AccountRecord
  order: OrderRecord
  atMs: number
}): FillRecord[] {
  const { state, record, order, atMs } = given
  const { asset, priceMicros } = order
  const quote = state.quotes.get(asset)
  const wanted = fillableLots(record, order)
  if (quote === undefined || wanted === 0n) return []
  const isThrough = isTradedThrough(quote, order)
  const lots = isThrough ? wanted : consume(state, { quote, order, wanted })
  if (lots === 0n) return []
  return [fillOrder({ state, record, order, priceMicros, lots, crossed: false, atMs })]
}

function consume(
  state: EngineState,
  { quote, order, wanted }: { quote: Quote; order: OrderRecord; wanted: bigint },
): bigint {
  const { asset, isBuy, priceMicros } = order
  let taken = 0n
  const left: Level[] = []
  for (const [price, offered] of isBuy ? quote.asks : quote.bids) {
    const room = isReached(isBuy, priceMicros, price) ? wanted - taken : 0n
    const lots = offered < room ? offered : room
    taken += lots
    if (offered > lots) left.push([price, offered - lots])
  }
  state.quotes.set(asset, isBuy ? { ...quote, asks: left } : { ...quote, bids: left })
  return taken
}

/** The average price of fills in micros, rounded to the nearest: for people, never for money. */
export function averageOf(state: EngineState, order: OrderRecord): bigint {
  const unit = notionalOf(state, order.asset, 1_000_000n, order.filledLots)
  if (unit === 0n) return order.priceMicros
  return (order.filledMicros * 1_000_000n + unit / 2n) / unit
}
