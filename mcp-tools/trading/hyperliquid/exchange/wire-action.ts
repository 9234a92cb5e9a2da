import { formatDecimal, MICROS, parseDecimal } from '../../decimal/decimal.ts'
import { isLegalPrice } from '../../decimal/tick.ts'
import type { OrderName, OrderRequest, VenueAction } from '../../venue/venue.ts'
import type { Packable } from '../signing/pack-message.ts'

/** What of a market an action is written with. */
export type WireMarket = Readonly<{ asset: number; szDecimals: number }>

/** An action as the exchange signs it: its keys stand in the exchange's order. */
export type WireAction = Readonly<{ [key: string]: Packable }>

const TIF = { gtc: 'Gtc', ioc: 'Ioc', alo: 'Alo' } as const

/**
 * The wire form of an action. Throws RangeError for a price or size that the market does not take:
 * nothing is rounded here, because what was granted is what is sent.
 */
export function wireAction(
  action: VenueAction,
  marketOf: (symbol: string) => WireMarket,
): WireAction {
  if (action.kind === 'place') {
    const order = wireOrder(action.order, marketOf(action.order.symbol))
    return { type: 'order', orders: [order], grouping: 'na' }
  }
  return wireCancel(action.orders, marketOf)
}

function wireOrder(order: OrderRequest, market: WireMarket): WireAction {
  const { tif, trigger } = order
  return {
    a: market.asset,
    b: order.side === 'buy',
    p: wirePrice(order.price, market),
    s: wireSize(order.size, market),
    r: order.reduceOnly,
    t:
      trigger === undefined
        ? { limit: { tif: TIF[tif] } }
        : {
            trigger: {
              isMarket: true,
              triggerPx: wirePrice(trigger.price, market),
              tpsl: trigger.kind === 'stop' ? 'sl' : 'tp',
            },
          },
    c: order.cloid,
  }
}

function wireCancel(
  orders: readonly OrderName[],
  marketOf: (symbol: string) => WireMarket,
): WireAction {
  const byCloid: WireAction[] = []
  const byOid: WireAction[] = []
  for (const { symbol, cloid, oid } of orders) {
    const { asset } = marketOf(symbol)
    if (cloid === undefined) byOid.push({ a: asset, o: wireOid(oid) })
    else byCloid.push({ asset, cloid })
  }
  if (byOid.length === 0) return { type: 'cancelByCloid', cancels: byCloid }
  if (byCloid.length === 0) return { type: 'cancel', cancels: byOid }
  throw new RangeError('One cancel names its orders in one way.')
}

function wirePrice(text: string, { szDecimals }: WireMarket): string {
  const micros = parseDecimal(text, MICROS)
  if (micros === undefined || !isLegalPrice(micros, szDecimals)) {
    throw new RangeError(`${text} is no price of a market with ${szDecimals} size decimals.`)
  }
  return formatDecimal(micros, MICROS)
}

function wireSize(text: string, { szDecimals }: WireMarket): string {
  const lots = parseDecimal(text, szDecimals)
  if (lots === undefined || lots <= 0n) {
    throw new RangeError(`${text} is no size of a market with ${szDecimals} size decimals.`)
  }
  return formatDecimal(lots, szDecimals)
}

function wireOid(oid: string): number {
  const value = Number(oid)
  if (!/^\d{1,16}$/u.test(oid) || !Number.isSafeInteger(value)) {
    throw new RangeError(`${oid.slice(0, 40)} is no order id of this exchange.`)
  }
  return value
}
