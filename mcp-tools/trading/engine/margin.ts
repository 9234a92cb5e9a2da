import {
  leverageOf,
  marketOf,
  notionalOf,
  openOrdersOf,
  sizeOf,
  type AccountRecord,
  type EngineState,
  type OrderRecord,
} from './engine-state.ts'

/** The mark of a market, or the price that is at hand while nobody has quoted it. */
export function markOf(state: EngineState, asset: number, otherwise: bigint): bigint {
  return state.quotes.get(asset)?.markMicros ?? otherwise
}

/** What would be left if all positions were closed at mark. */
export function equityOf(state: EngineState, record: AccountRecord): bigint {
  let equity = record.cashMicros
  for (const [asset, { lots, costMicros }] of record.positions) {
    const mark = state.quotes.get(asset)?.markMicros
    equity += mark === undefined ? costMicros : notionalOf(state, asset, mark, lots)
  }
  return equity
}

/** Notional of a position at mark, without its sign. */
export function heldNotional(state: EngineState, record: AccountRecord, asset: number): bigint {
  const position = record.positions.get(asset)
  if (position === undefined) return 0n
  const mark = state.quotes.get(asset)?.markMicros
  if (mark === undefined) return sizeOf(position.costMicros)
  return notionalOf(state, asset, mark, sizeOf(position.lots))
}

/** Rounded up: what is not there is not lent. */
function share(notional: bigint, leverage: number): bigint {
  const by = BigInt(leverage)
  return (notional + by - 1n) / by
}

/** Initial margin of the positions. */
export function marginUsedOf(state: EngineState, record: AccountRecord): bigint {
  let used = 0n
  for (const asset of record.positions.keys()) {
    used += share(heldNotional(state, record, asset), leverageOf(state, record, asset))
  }
  return used
}

/** Half of the initial margin at the market's highest leverage: below it all is liquidated. */
export function maintenanceOf(state: EngineState, record: AccountRecord): bigint {
  let needed = 0n
  for (const asset of record.positions.keys()) {
    const { maxLeverage } = marketOf(state, asset)
    needed += share(heldNotional(state, record, asset), 2 * maxLeverage)
  }
  return needed
}

/** How many lots of an order would add to a position instead of ending one. */
export function openingLots(
  record: AccountRecord,
  order: Pick<OrderRecord, 'asset' | 'isBuy' | 'lots' | 'reduceOnly'>,
): bigint {
  if (order.reduceOnly) return 0n
  const held = record.positions.get(order.asset)?.lots ?? 0n
  const against = order.isBuy === held < 0n ? sizeOf(held) : 0n
  return order.lots > against ? order.lots - against : 0n
}

/** Margin that the open orders would take, each on its own. */
function orderMarginOf(state: EngineState, record: AccountRecord): bigint {
  let held = 0n
  for (const order of openOrdersOf(record)) held += marginForOrder(state, record, order)
  return held
}

export function marginForOrder(
  state: EngineState,
  record: AccountRecord,
  order: Pick<OrderRecord, 'asset' | 'isBuy' | 'lots' | 'reduceOnly' | 'priceMicros'>,
): bigint {
  const { asset, priceMicros } = order
  const notional = notionalOf(state, asset, priceMicros, openingLots(record, order))
  return share(notional, leverageOf(state, record, asset))
}

/** What may still be put into orders; below 0 when prices have moved. */
export function freeMarginOf(state: EngineState, record: AccountRecord): bigint {
  return equityOf(state, record) - marginUsedOf(state, record) - orderMarginOf(state, record)
}
