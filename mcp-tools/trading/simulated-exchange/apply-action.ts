import { formatDecimal, MICROS, parseDecimal } from '../decimal/decimal.ts'
import type { EngineMarket, EngineOrder } from '../engine/engine-state.ts'
import type { NamedOrder } from '../engine/engine.ts'
import type { PlaceAnswer } from '../engine/place-order.ts'
import type { ExchangeParts } from './exchange-parts.ts'
import { PARTIAL } from './faults.ts'
import type { Action, WireOrder } from './wire/exchange-request.ts'

/** What an action came to. */
export type Applied = Readonly<{
  /** Whether anything was done. */
  isDone: boolean
  answer: unknown
  /** The first order that was taken, or the cancel's nonce. */
  id?: string
}>
type Status = string | Readonly<Record<string, unknown>>
type By = Readonly<{ account: string; parts: ExchangeParts; text: string }>

/** Does what a verified action says. Every order of a batch stands for itself. */
export function applyAction(action: Action, by: By): Applied {
  switch (action.type) {
    case 'order':
      if (action.grouping !== 'na') return err('Grouped orders are not simulated.')
      return listed(
        'order',
        action.orders.map((order) => place(order, by)),
      )
    case 'cancel':
      return listed(
        'cancel',
        action.cancels.map(({ a, o }) => cancel(a, { oid: BigInt(o) }, by)),
      )
    case 'cancelByCloid':
      return listed(
        'cancel',
        action.cancels.map(({ asset, cloid }) => cancel(asset, { cloid }, by)),
      )
    case 'modify':
      return modify(action, by)
    case 'updateLeverage':
      return setLeverage(action, by)
    case 'scheduleCancel':
      return scheduleCancel(action.time, by)
    case 'noop':
      return { isDone: true, answer: DEFAULT }
  }
}

const DEFAULT = { status: 'ok', response: { type: 'default' } }
const err = (response: string): Applied => ({ isDone: false, answer: { status: 'err', response } })

function listed(type: string, statuses: readonly Status[]): Applied {
  const done = statuses.filter((status) => typeof status === 'string' || !('error' in status))
  const [first] = done
  const id = first === undefined ? undefined : idOf(first)
  return {
    isDone: done.length > 0,
    answer: { status: 'ok', response: { type, data: { statuses } } },
    ...(id === undefined ? {} : { id }),
  }
}

function idOf(status: Status): string | undefined {
  if (typeof status === 'string') return undefined
  for (const part of Object.values(status)) {
    if (typeof part === 'object' && part !== null && 'oid' in part) return String(part.oid)
  }
  return undefined
}

function place(order: WireOrder, by: By): Status {
  const { engine, settings, faults, now } = by.parts
  const market = engine.markets[order.a]
  if (market === undefined) return { error: `Invalid asset. asset=${order.a}` }
  const said = (words: string): Status => ({ error: `${words} asset=${order.a}` })
  const { account } = by
  if (order.c !== undefined && settings.cloidCheck) {
    // Whether the exchange refuses a cloid that was used is not established: both can be had.
    if (engine.order(account, { cloid: order.c }) !== undefined) return said('Cloid already used.')
  }
  const read = engineOrder(order, market, held(by, order.a))
  if (typeof read === 'string') return said(read)
  const partial = faults.take(PARTIAL, 'exchange', by.text)
  const maxFillLots =
    partial === undefined ? undefined : (read.lots * BigInt(partial.percent)) / 100n
  const given = maxFillLots === undefined ? read : { ...read, maxFillLots }
  return statusOf(engine.place({ account, order: given, atMs: now() }), { order, market, said })
}

function held({ parts, account }: By, asset: number): bigint {
  const position = parts.engine.account(account).positions.find((each) => each.asset === asset)
  const lots = position?.lots ?? 0n
  return lots < 0n ? -lots : lots
}

/** An order in whole numbers, or the exchange's words for what cannot be one. */
function engineOrder(
  order: WireOrder,
  market: EngineMarket,
  heldLots: bigint,
): EngineOrder | string {
  const priceMicros = parseDecimal(order.p, MICROS)
  if (priceMicros === undefined || priceMicros === 0n)
    return 'Price must be divisible by tick size.'
  const asked = parseDecimal(order.s, market.szDecimals)
  // A reduce-only order of size 0 closes whatever is held.
  const lots = asked === 0n && order.r ? heldLots : asked
  if (lots === undefined || lots === 0n) return 'Order has invalid size.'
  const common = {
    asset: order.a,
    isBuy: order.b,
    priceMicros,
    lots,
    reduceOnly: order.r,
    ...(order.c === undefined ? {} : { cloid: order.c }),
  }
  if ('limit' in order.t) {
    const { tif } = order.t.limit
    return { ...common, tif: tif === 'FrontendMarket' ? 'Ioc' : tif }
  }
  const { isMarket, tpsl, triggerPx } = order.t.trigger
  const triggerMicros = parseDecimal(triggerPx, MICROS)
  if (triggerMicros === undefined) return 'Invalid TP/SL price.'
  const trigger = { isMarket, priceMicros: triggerMicros, tpsl }
  return { ...common, tif: isMarket ? 'Ioc' : 'Gtc', trigger }
}

function statusOf(
  answer: PlaceAnswer,
  of: { order: WireOrder; market: EngineMarket; said: (words: string) => Status },
): Status {
  const cloid = of.order.c === undefined ? {} : { cloid: of.order.c }
  switch (answer.kind) {
    case 'error':
      return of.said(answer.message)
    case 'filled':
      return {
        filled: {
          totalSz: formatDecimal(answer.lots, of.market.szDecimals),
          avgPx: formatDecimal(answer.averageMicros, MICROS),
          oid: Number(answer.oid),
          ...cloid,
        },
      }
    case 'waiting':
    case 'resting':
      return { resting: { oid: Number(answer.oid), ...cloid } }
  }
}

function cancel(asset: number, name: NamedOrder, { account, parts }: By): Status {
  const { engine, now } = parts
  const answer = engine.cancel({ account, asset, name, atMs: now() })
  return answer.kind === 'success' ? 'success' : { error: `${answer.message} asset=${asset}` }
}

/** A new order in the place of an old one: a new id, and the same cloid where it is named again. */
function modify({ oid, order }: Extract<Action, { type: 'modify' }>, by: By): Applied {
  const name = typeof oid === 'string' ? { cloid: oid } : { oid: BigInt(oid) }
  const cancelled = cancel(order.a, name, by)
  if (typeof cancelled !== 'string') return err('Cannot modify canceled or filled order')
  const settings = { ...by.parts.settings, cloidCheck: false }
  const placed = listed('order', [place(order, { ...by, parts: { ...by.parts, settings } })])
  return { ...placed, isDone: true }
}

function setLeverage(
  { asset, isCross, leverage }: Extract<Action, { type: 'updateLeverage' }>,
  { account, parts }: By,
): Applied {
  if (parts.engine.markets[asset] === undefined) return err('Invalid asset')
  if (!isCross) return err('Isolated margin is not simulated.')
  const set = parts.engine.setLeverage({ account, asset, leverage, atMs: parts.now() })
  return set.kind === 'success' ? { isDone: true, answer: DEFAULT } : err('Invalid leverage value')
}

/** A million dollars have to be traded before the exchange takes a dead man's switch. */
const VOLUME_FOR_SCHEDULE_MICROS = 1_000_000_000_000n
const LEAST_AHEAD_MS = 5_000

function scheduleCancel(time: number | undefined, { account, parts }: By): Applied {
  const { engine, schedules, now } = parts
  const traded = engine.fills(account).reduce((sum, { asset, lots, priceMicros }) => {
    const scale = 10n ** BigInt(engine.markets[asset]?.szDecimals ?? 0)
    return sum + (priceMicros * lots) / scale
  }, 0n)
  if (traded < VOLUME_FOR_SCHEDULE_MICROS) {
    return err('Cannot set scheduled cancel time until enough volume traded.')
  }
  if (time === undefined) schedules.delete(account)
  else if (time < now() + LEAST_AHEAD_MS) return err('Scheduled cancel time too early.')
  else schedules.set(account, time)
  return { isDone: true, answer: DEFAULT }
}
