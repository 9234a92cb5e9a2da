import { z } from 'zod'

import { formatDecimal, MICROS } from '../../decimal/decimal.ts'
import type { FillRecord, OrderRecord } from '../../engine/engine-state.ts'
import type { Asked, Question } from './market-answers.ts'

const OfUser = z.object({
  user: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/u)
    .transform((text) => text.toLowerCase()),
  oid: z.union([z.int().nonnegative(), z.string()]).optional(),
  startTime: z.int().nonnegative().default(0),
  endTime: z.int().nonnegative().nullish(),
})
type OfUser = z.infer<typeof OfUser>

/** As many as one answer holds. */
const MAX_FILLS = 2_000
const MAX_ORDERS = 2_000

/** Questions about orders and fills of an account. Undefined for other questions. */
export function orderAnswers(question: Question, asked: Asked): unknown {
  const { type } = question
  const read = OfUser.safeParse(question)
  if (!read.success) return undefined
  const { data } = read
  switch (type) {
    case 'openOrders':
    case 'frontendOpenOrders':
      return ordersSeen(data, asked)
        .filter(({ status }) => status === 'open')
        .map(({ order }) => order)
        .toReversed()
    case 'historicalOrders':
      return ordersSeen(data, asked).toReversed().slice(0, MAX_ORDERS)
    case 'orderStatus':
      return statusOf(data, asked)
    case 'userFills':
      return fillsSeen(data, asked).toReversed().slice(0, MAX_FILLS)
    case 'userFillsByTime':
      return fillsSeen(data, asked).slice(0, MAX_FILLS)
    default:
      return undefined
  }
}

function statusOf({ user, oid }: OfUser, asked: Asked): unknown {
  const { parts, asOfMs } = asked
  if (oid === undefined) return undefined
  if (typeof oid === 'string' && !/^0x[0-9a-fA-F]{32}$/u.test(oid)) return undefined
  const name = typeof oid === 'string' ? { cloid: oid.toLowerCase() } : { oid: BigInt(oid) }
  const order = parts.engine.order(user, name)
  if (order === undefined || order.placedAtMs > asOfMs) return { status: 'unknownOid' }
  return { status: 'order', order: seenOrder(order, asked, user) }
}

function ordersSeen({ user }: OfUser, asked: Asked) {
  return asked.parts.engine
    .orders(user)
    .filter(({ placedAtMs }) => placedAtMs <= asked.asOfMs)
    .map((order) => seenOrder(order, asked, user))
}

/** An order as a node shows it that has not heard of what came after `asOfMs`. */
function seenOrder(order: Readonly<OrderRecord>, { parts, asOfMs }: Asked, user: string) {
  const isBehind = order.statusAtMs > asOfMs
  const filled = isBehind
    ? parts.engine
        .fills(user)
        .filter(({ oid, atMs }) => oid === order.oid && atMs <= asOfMs)
        .reduce((sum, { lots }) => sum + lots, 0n)
    : order.origLots - order.lots
  return {
    order: wireOrder(order, { parts, lots: order.origLots - filled }),
    // A trigger order that has fired and rests is an open order to whoever asks.
    status: isBehind ? 'open' : order.status,
    statusTimestamp: isBehind ? order.placedAtMs : order.statusAtMs,
  }
}

function wireOrder(
  order: Readonly<OrderRecord>,
  { parts, lots }: { parts: Asked['parts']; lots: bigint },
) {
  const market = parts.engine.markets[order.asset]
  const szDecimals = market?.szDecimals ?? 0
  const { trigger } = order
  const above = trigger !== undefined && (trigger.tpsl === 'tp') !== order.isBuy
  const triggerPx = trigger === undefined ? '0.0' : formatDecimal(trigger.priceMicros, MICROS)
  const kind = trigger?.tpsl === 'tp' ? 'Take Profit' : 'Stop'
  return {
    coin: market?.symbol ?? '',
    side: order.isBuy ? 'B' : 'A',
    limitPx: formatDecimal(order.priceMicros, MICROS),
    sz: formatDecimal(lots, szDecimals),
    oid: Number(order.oid),
    timestamp: order.placedAtMs,
    triggerCondition:
      trigger === undefined ? 'N/A' : `Price ${above ? 'above' : 'below'} ${triggerPx}`,
    isTrigger: trigger !== undefined,
    triggerPx,
    children: [],
    isPositionTpsl: false,
    reduceOnly: order.reduceOnly,
    orderType: trigger === undefined ? 'Limit' : `${kind} ${trigger.isMarket ? 'Market' : 'Limit'}`,
    origSz: formatDecimal(order.origLots, szDecimals),
    tif: trigger === undefined ? order.tif : null,
    cloid: order.cloid ?? null,
  }
}

function fillsSeen({ user, startTime, endTime }: OfUser, { parts, asOfMs }: Asked) {
  const until = Math.min(endTime ?? asOfMs, asOfMs)
  const fills = parts.engine
    .fills(user)
    .filter(({ atMs }) => atMs >= startTime && atMs <= until)
    .map((fill) => wireFill(fill, parts))
  if (!parts.settings.shuffledFills) return fills
  // Every one twice, and the halves the wrong way round.
  const twice = [...fills, ...fills]
  const middle = Math.ceil(fills.length / 2)
  return [...twice.slice(middle).toReversed(), ...twice.slice(0, middle)]
}

function wireFill(fill: FillRecord, parts: Asked['parts']) {
  const market = parts.engine.markets[fill.asset]
  const szDecimals = market?.szDecimals ?? 0
  const isOpening = fill.startLots === 0n || fill.startLots > 0n === fill.isBuy
  const isLong = isOpening ? fill.isBuy : !fill.isBuy
  return {
    coin: market?.symbol ?? '',
    px: formatDecimal(fill.priceMicros, MICROS),
    sz: formatDecimal(fill.lots, szDecimals),
    side: fill.isBuy ? 'B' : 'A',
    time: fill.atMs,
    startPosition: formatDecimal(fill.startLots, szDecimals),
    dir: `${isOpening ? 'Open' : 'Close'} ${isLong ? 'Long' : 'Short'}`,
    closedPnl: formatDecimal(fill.closedMicros, MICROS),
    hash: `0x${fill.tid.toString(16).padStart(64, '0')}`,
    oid: Number(fill.oid),
    crossed: fill.crossed,
    fee: formatDecimal(fill.feeMicros, MICROS),
    tid: Number(fill.tid),
    feeToken: 'USDC',
    twapId: null,
    ...(fill.cloid === undefined ? {} : { cloid: fill.cloid }),
    ...(fill.isLiquidation ? { liquidation: { method: 'market' } } : {}),
  }
}
