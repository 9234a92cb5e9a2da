import {
  isOpen,
  openOrdersOf,
  type AccountRecord,
  type EngineState,
  type FillRecord,
  type OrderRecord,
  type OrderStatus,
  type Quote,
} from './engine-state.ts'
import { fillOrder } from './fill-order.ts'
import { payFunding } from './funding.ts'
import { equityOf, maintenanceOf, markOf } from './margin.ts'
import {
  fillableLots,
  giveToResting,
  isCovered,
  isTradedThrough,
  takeLiquidity,
  wouldMatch,
} from './take-liquidity.ts'
import { isTriggered, rangeSince } from './triggers.ts'

/** What a new moment has brought. `isChanged` when anything but the quotes is different. */
export type Moved = Readonly<{ fills: readonly FillRecord[]; isChanged: boolean }>

/**
 * Brings new quotes: funding for the hours that have begun, triggers, fills of what rests, and
 * liquidation of who is left with less than the maintenance margin, in this order.
 */
export function moveMarket(
  state: EngineState,
  { quotes, atMs }: { quotes: readonly Quote[]; atMs: number },
): Moved {
  for (const quote of quotes) state.quotes.set(quote.asset, quote)
  let isChanged = payFunding(state, atMs)
  const fills: FillRecord[] = []
  const moved = new Set(quotes.map(({ asset }) => asset))
  for (const record of state.accounts.values()) {
    for (const order of inPriority(openOrdersOf(record), moved)) {
      const before = order.status
      const wasWaiting = order.isWaiting
      fills.push(...advance(state, { record, order, atMs }))
      isChanged ||= order.status !== before || order.isWaiting !== wasWaiting
    }
    fills.push(...liquidate(state, { record, atMs }))
  }
  return { fills, isChanged: isChanged || fills.length > 0 }
}

/** The best price first, then the oldest, as a book is served. */
function inPriority(orders: OrderRecord[], moved: ReadonlySet<number>): OrderRecord[] {
  return orders
    .filter(({ asset }) => moved.has(asset))
    .toSorted((left, right) => {
      if (left.isBuy !== right.isBuy || left.priceMicros === right.priceMicros) {
        return left.oid < right.oid ? -1 : 1
      }
      return left.priceMicros > right.priceMicros === left.isBuy ? -1 : 1
    })
}

type Step = { record: AccountRecord; order: OrderRecord; atMs: number }

function advance(state: EngineState, { record, order, atMs }: Step): FillRecord[] {
  const quote = state.quotes.get(order.asset)
  if (!isOpen(order) || quote === undefined) return []
  const { trigger } = order
  const isFiring = order.isWaiting && trigger !== undefined
  if (isFiring && !isTriggered(order, trigger, rangeSince(quote))) return []
  if (fillableLots(record, order) === 0n) {
    // A reduce-only order with nothing left to reduce.
    end(order, 'reduceOnlyCanceled', atMs)
    return []
  }
  if (isFiring) {
    order.isWaiting = false
    end(order, 'triggered', atMs)
  }
  // Margin is looked at when an order trades, not while it rests.
  if (!isFiring && !isMet(quote, order)) return []
  if (!isCovered(state, record, order)) {
    end(order, 'marginCanceled', atMs)
    return []
  }
  const fills = isFiring
    ? takeLiquidity({ state, record, order, atMs })
    : giveToResting({ state, record, order, atMs })
  if (order.lots === 0n) end(order, 'filled', atMs)
  else if (isFiring) end(order, trigger.isMarket ? 'canceled' : 'open', atMs)
  else if (order.reduceOnly && fillableLots(record, order) === 0n) {
    end(order, 'reduceOnlyCanceled', atMs)
  }
  return fills
}

function isMet(quote: Quote, order: OrderRecord): boolean {
  return wouldMatch(quote, order) || isTradedThrough(quote, order)
}

/** All at mark, by orders of the exchange's own; what was open is gone. */
function liquidate(
  state: EngineState,
  { record, atMs }: { record: AccountRecord; atMs: number },
): FillRecord[] {
  if (record.positions.size === 0) return []
  if (equityOf(state, record) >= maintenanceOf(state, record)) return []
  for (const order of openOrdersOf(record)) end(order, 'liquidatedCanceled', atMs)
  return [...record.positions].map(([asset, { lots }]) => {
    const size = lots < 0n ? -lots : lots
    const priceMicros = markOf(state, asset, 1n)
    const order: OrderRecord = {
      asset,
      isBuy: lots < 0n,
      priceMicros,
      lots: size,
      origLots: size,
      reduceOnly: true,
      tif: 'Ioc',
      oid: state.nextOid,
      filledLots: 0n,
      filledMicros: 0n,
      status: 'filled',
      isWaiting: false,
      placedAtMs: atMs,
      statusAtMs: atMs,
    }
    state.nextOid += 1n
    record.orders.set(order.oid, order)
    const crossed = true
    return fillOrder({
      state,
      record,
      order,
      priceMicros,
      lots: size,
      crossed,
      isLiquidation: true,
      atMs,
    })
  })
}

function end(order: OrderRecord, status: OrderStatus, atMs: number): void {
  order.status = status
  order.statusAtMs = atMs
}
