import { formatDecimal, MICROS } from '../decimal/decimal.ts'
import { isLegalPrice } from '../decimal/tick.ts'
import {
  accountOf,
  leverageOf,
  marketOf,
  MAX_KEPT_ORDERS,
  MAX_OPEN_ORDERS,
  notionalOf,
  openOrdersOf,
  sizeOf,
  type AccountRecord,
  type EngineOrder,
  type EngineState,
  type OrderRecord,
  type OrderStatus,
} from './engine-state.ts'
import { faultAnswer, rejectedAs, type FaultAnswer } from './exchange-errors.ts'
import { freeMarginOf, markOf, openingLots } from './margin.ts'
import { averageOf, takeLiquidity, wouldMatch } from './take-liquidity.ts'
import { isTriggered, rangeNow } from './triggers.ts'

export type PlaceAnswer =
  | Readonly<{ kind: 'resting'; oid: bigint }>
  | Readonly<{ kind: 'filled'; oid: bigint; lots: bigint; averageMicros: bigint }>
  | Readonly<{ kind: 'waiting'; oid: bigint }>
  | FaultAnswer

/** Ten US dollars: the least that an order may be worth. */
const MIN_NOTIONAL_MICROS = 10_000_000n
/** A price may be this much off the oracle, in hundredths of it. */
const ORACLE_PERCENT = 95n

/**
 * One order, by the exchange's rules. A rejected one keeps its id and its status, as on the
 * exchange: whoever asks for its cloid later learns that it came and was refused.
 */
export function placeOrder(
  state: EngineState,
  given: { account: string; order: EngineOrder; atMs: number },
): PlaceAnswer {
  const { order, atMs } = given
  const record = accountOf(state, given.account)
  const placed = enter(state, record, { order, atMs })
  const fault = faultOf(state, record, placed)
  if (fault !== undefined) return reject(placed, fault, atMs)
  if (placed.isWaiting) return { kind: 'waiting', oid: placed.oid }
  if (placed.tif !== 'Alo') {
    takeLiquidity({ state, record, order: placed, maxLots: order.maxFillLots, atMs })
  }
  if (placed.tif === 'Ioc' && placed.filledLots === 0n) {
    const quote = state.quotes.get(placed.asset)
    const isEmpty = (placed.isBuy ? quote?.asks : quote?.bids)?.length === 0
    return reject(placed, faultAnswer(isEmpty ? 'marketOrderNoLiquidity' : 'iocCancel'), atMs)
  }
  if (placed.lots === 0n) end(placed, 'filled', atMs)
  else if (placed.tif === 'Ioc') end(placed, 'canceled', atMs)
  if (placed.filledLots === 0n) return { kind: 'resting', oid: placed.oid }
  const { oid, filledLots: lots } = placed
  return { kind: 'filled', oid, lots, averageMicros: averageOf(state, placed) }
}

function enter(
  state: EngineState,
  record: AccountRecord,
  { order, atMs }: { order: EngineOrder; atMs: number },
): OrderRecord {
  const { maxFillLots: _, ...kept } = order
  const placed: OrderRecord = {
    ...kept,
    oid: state.nextOid,
    origLots: order.lots,
    filledLots: 0n,
    filledMicros: 0n,
    status: 'open',
    isWaiting: order.trigger !== undefined,
    placedAtMs: atMs,
    statusAtMs: atMs,
  }
  state.nextOid += 1n
  record.orders.set(placed.oid, placed)
  if (placed.cloid !== undefined) record.byCloid.set(placed.cloid, placed.oid)
  forgetOldest(record)
  return placed
}

function forgetOldest(record: AccountRecord): void {
  if (record.orders.size <= MAX_KEPT_ORDERS) return
  for (const order of record.orders.values()) {
    if (order.status === 'open' || order.status === 'triggered') continue
    record.orders.delete(order.oid)
    const { cloid } = order
    if (cloid !== undefined && record.byCloid.get(cloid) === order.oid) record.byCloid.delete(cloid)
    return
  }
}

function faultOf(
  state: EngineState,
  record: AccountRecord,
  order: OrderRecord,
): FaultAnswer | undefined {
  const { asset, isBuy, priceMicros, lots, reduceOnly, trigger } = order
  const { szDecimals } = marketOf(state, asset)
  const prices = trigger === undefined ? [priceMicros] : [priceMicros, trigger.priceMicros]
  if (!prices.every((price) => isLegalPrice(price, szDecimals))) return faultAnswer('tick')
  const held = record.positions.get(asset)?.lots ?? 0n
  const isAgainst = held !== 0n && held > 0n !== isBuy
  if (reduceOnly && !isAgainst) return faultAnswer('reduceOnly')
  // What ends a whole position may be of any size, or dust could never be sold.
  const endsAll = reduceOnly && lots >= sizeOf(held)
  const notional = notionalOf(state, asset, priceMicros, lots)
  if (notional < MIN_NOTIONAL_MICROS && !endsAll) return faultAnswer('minTradeNtl')
  // The order itself is among the open ones.
  if (openOrdersOf(record).length > MAX_OPEN_ORDERS) return faultAnswer('tooManyOrders')
  const quote = state.quotes.get(asset)
  if (quote !== undefined && isFarFrom(quote.oracleMicros, priceMicros)) {
    return faultAnswer('oracle')
  }
  if (trigger !== undefined) {
    const isPassed = quote === undefined || isTriggered(order, trigger, rangeNow(quote))
    return isPassed ? faultAnswer('badTriggerPx') : undefined
  }
  if (order.tif === 'Alo' && wouldMatch(quote, order)) {
    const [bid, ask] = [quote?.bids[0]?.[0] ?? 0n, quote?.asks[0]?.[0] ?? 0n]
    return faultAnswer('badAloPx', `${formatDecimal(bid, MICROS)}@${formatDecimal(ask, MICROS)}`)
  }
  return isAffordable(state, record, order) ? undefined : faultAnswer('perpMargin')
}

function isFarFrom(oracle: bigint, price: bigint): boolean {
  const off = price > oracle ? price - oracle : oracle - price
  return off * 100n > oracle * ORACLE_PERCENT
}

function isAffordable(state: EngineState, record: AccountRecord, order: OrderRecord): boolean {
  const opening = openingLots(record, order)
  if (opening === 0n) return true
  const { asset, priceMicros } = order
  const mark = markOf(state, asset, priceMicros)
  const taken = notionalOf(state, asset, priceMicros, opening)
  // Sold below the mark, it is still a position at mark.
  const held = notionalOf(state, asset, mark > priceMicros ? mark : priceMicros, opening)
  const leverage = BigInt(leverageOf(state, record, asset))
  // The order is open already, at its own price: only what the mark adds is missing.
  const extra = (held - taken + leverage - 1n) / leverage
  return freeMarginOf(state, record) >= extra
}

function reject(order: OrderRecord, fault: FaultAnswer, atMs: number): FaultAnswer {
  end(order, rejectedAs(fault.fault), atMs)
  order.isWaiting = false
  return fault
}

function end(order: OrderRecord, status: OrderStatus, atMs: number): void {
  order.status = status
  order.statusAtMs = atMs
}
