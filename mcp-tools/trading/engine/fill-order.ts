import {
  MAX_KEPT_FILLS,
  notionalOf,
  sizeOf,
  type AccountRecord,
  type EngineState,
  type FillRecord,
  type OrderRecord,
} from './engine-state.ts'

/**
 * Books one fill: cash, fee, position, realised profit. What is bought leaves the cash and stands
 * in the position, so that no micro is made or lost whatever the order of fills.
 */
export function fillOrder(given: {
  state: EngineState
  record: AccountRecord
  order: OrderRecord
  priceMicros: bigint
  lots: bigint
  crossed: boolean
  isLiquidation?: boolean
  atMs: number
}): FillRecord {
  const { state, record, order, priceMicros, lots, crossed, atMs } = given
  const { asset, isBuy, oid, cloid } = order
  const notional = notionalOf(state, asset, priceMicros, lots)
  const { takerMillionths, makerMillionths } = state.fees
  const feeMicros = rateOf(notional, crossed ? takerMillionths : makerMillionths)
  const startLots = record.positions.get(asset)?.lots ?? 0n
  const closedMicros = movePosition({ record, asset, isBuy, lots, notional })
  record.cashMicros += (isBuy ? -notional : notional) - feeMicros
  record.paidFeesMicros += feeMicros
  order.lots -= lots
  order.filledLots += lots
  order.filledMicros += notional
  const fill: FillRecord = {
    tid: state.nextTid,
    oid,
    ...(cloid === undefined ? {} : { cloid }),
    asset,
    isBuy,
    priceMicros,
    lots,
    startLots,
    closedMicros,
    feeMicros,
    crossed,
    isLiquidation: given.isLiquidation ?? false,
    atMs,
  }
  state.nextTid += 1n
  record.fills.push(fill)
  if (record.fills.length > MAX_KEPT_FILLS) record.fills.shift()
  return fill
}

/** Rounded up, against the trader. */
function rateOf(notional: bigint, millionths: bigint): bigint {
  return (notional * millionths + 999_999n) / 1_000_000n
}

/** Answers what was realised. A fill through zero ends one position and begins the other. */
function movePosition(given: {
  record: AccountRecord
  asset: number
  isBuy: boolean
  lots: bigint
  notional: bigint
}): bigint {
  const { record, asset, isBuy, lots, notional } = given
  const held = record.positions.get(asset) ?? { lots: 0n, costMicros: 0n }
  const signed = isBuy ? lots : -lots
  const value = isBuy ? notional : -notional
  const isReducing = held.lots !== 0n && held.lots > 0n !== isBuy
  if (!isReducing) {
    record.positions.set(asset, {
      lots: held.lots + signed,
      costMicros: held.costMicros + value,
    })
    return 0n
  }
  const closing = lots < sizeOf(held.lots) ? lots : sizeOf(held.lots)
  // What rounding leaves stays in the cost of what is still held.
  const cost = (held.costMicros * closing) / sizeOf(held.lots)
  const ended = (value * closing) / lots
  const left = held.lots + signed
  if (left === 0n) record.positions.delete(asset)
  else if (left > 0n === held.lots > 0n) {
    record.positions.set(asset, { lots: left, costMicros: held.costMicros - cost })
  } else record.positions.set(asset, { lots: left, costMicros: value - ended })
  return -(ended + cost)
}
