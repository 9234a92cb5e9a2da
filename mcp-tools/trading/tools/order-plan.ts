import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type {
  Classification,
  Facts,
  ProviderResponse,
  Refusal,
} from '@chimera/mcp-kit/provider/exchange'
import type { EffectDraft } from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import { formatDecimal, MICROS, parseDecimal } from '../decimal/decimal.ts'
import { isLegalPrice, roundPrice } from '../decimal/tick.ts'
import { exposureRefusal } from '../limits/exposure.ts'
import { restrictionOn } from '../limits/restricted-symbols.ts'
import { cloidOf } from '../venue/cloid.ts'
import type { Market, OrderAnswer, OrderRequest, VenueAction } from '../venue/venue.ts'
import {
  exposureNow,
  microsOf,
  notionalOf,
  offerOf,
  readSnapshot,
  type Snapshot,
} from './account-snapshot.ts'
import type { TradingParts } from './trading-parts.ts'

/** An order before it has its name. */
export type WantedOrder = Omit<OrderRequest, 'cloid'>

/**
 * The plan of one order. Its name comes from slot and round and stands in the ledger before it is
 * sent; the venue drops it when it arrives after the deadline. Limits and kill level are looked at
 * in the claim's transaction, against what the venue showed and what the ledger knows beyond it.
 */
export function draftOrder(
  parts: TradingParts,
  given: Readonly<{
    symbol: string
    isExit: boolean
    content: string
    /** Size times price of an order that opens; 0 of one that only reduces. */
    costMicros: bigint
    /** What is to be sent, once the market is known; may look at the account. */
    resolve: (market: Market) => WantedOrder | Refusal | Promise<WantedOrder | Refusal>
  }>,
): EffectDraft | Refusal {
  const { venue, ledger, limits, restricted, sendTimeoutMs } = parts
  const { symbol, isExit } = given
  const restriction = restrictionOn(symbol, { restricted, isExit })
  if (restriction !== undefined) return restriction
  let sent: { action: VenueAction; order: OrderRequest; facts: Facts } | undefined
  let seen: Snapshot | undefined
  return {
    content: given.content,
    costUsdMicros: given.costMicros,
    deadlineMs: sendTimeoutMs,
    prepare: async (of) => {
      const market = await marketOf(parts, symbol)
      if ('code' in market) return market
      const wanted = await given.resolve(market)
      if ('code' in wanted) return wanted
      const fault = faultOf(wanted, market)
      if (fault !== undefined) return fault
      if (!isExit) {
        const snapshot = await readSnapshot(parts, symbol)
        if ('code' in snapshot) return snapshot
        seen = snapshot
      }
      const order = { ...wanted, cloid: cloidOf(of) }
      const action = { kind: 'place', order } as const
      const expiresAfterMs = ledger.wall() + sendTimeoutMs
      const prepared = await venue.prepare(action, { expiresAfterMs })
      const facts = {
        ...prepared.facts,
        ...(seen === undefined ? {} : { mark_price: formatDecimal(seen.markMicros, MICROS) }),
        cloid: order.cloid,
        side: order.side,
        size: order.size,
      }
      sent = { action, order, facts }
      return { ...prepared, facts }
    },
    checkLimits: () => undefined,
    checkWindow: ({ killLevel }) => {
      if (isExit) return undefined
      if (seen === undefined || sent === undefined) {
        return { code: 'PRICE_UNAVAILABLE', detail: 'The account has not been looked at.' }
      }
      const exposure = exposureNow(ledger, seen)
      return exposureRefusal(offerOf(sent.order, seen), { exposure, limits, killLevel })
    },
    classify: (response) =>
      sent === undefined
        ? { outcome: 'unknown', detail: 'Nothing is known of what was sent.' }
        : classifyOrder(parts, { ...sent, response }),
  }
}

/** The venue's market of that very name, or why there is none to trade in. */
export async function marketOf({ venue }: TradingParts, symbol: string): Promise<Market | Refusal> {
  const market = (await venue.markets()).find((each) => each.symbol === symbol)
  if (market !== undefined) return market
  return { code: 'MARKET_UNKNOWN', detail: `The venue lists no market "${symbol}".` }
}

/**
 * What the venue's own rules forbid. Nothing is rounded here: what is sent is what was granted, to
 * the digit (design.md section 6).
 */
function faultOf(order: WantedOrder, market: Market): Refusal | undefined {
  const { szDecimals, symbol, isDelisted } = market
  if (parseDecimal(order.size, szDecimals) === undefined) {
    return invalid(`A size in ${symbol} has at most ${szDecimals} decimals.`)
  }
  const prices = order.trigger === undefined ? [order.price] : [order.price, order.trigger.price]
  for (const text of prices) {
    const price = parseDecimal(text, MICROS)
    if (price !== undefined && isLegalPrice(price, szDecimals)) continue
    const rounded = roundPrice(
      price ?? microsOf(text),
      szDecimals,
      order.side === 'buy' ? 'down' : 'up',
    )
    const hint = rounded === undefined ? '' : ` The nearest is ${formatDecimal(rounded, MICROS)}.`
    return invalid(`${text} is no legal price in ${symbol}.${hint}`)
  }
  return isDelisted && !order.reduceOnly ? invalid(`${symbol} is not traded any more.`) : undefined
}

const invalid = (detail: string): Refusal => ({ code: 'INPUT_INVALID', detail })

function classifyOrder(
  { venue }: TradingParts,
  given: { action: VenueAction; order: OrderRequest; facts: Facts; response: ProviderResponse },
): Classification {
  const { action, order, response } = given
  const said = venue.classify(action, response)
  if (said.outcome === 'unknown') return said
  if (said.outcome === 'refused') {
    const { code, detail, retryAfterMs } = said
    const refused = { outcome: 'refused', code, detail } as const
    return retryAfterMs === undefined ? refused : { ...refused, retryAfterMs }
  }
  const [answer] = said.orders
  if (answer === undefined) return { outcome: 'unknown', detail: 'The venue said nothing of it.' }
  return classifyOne(answer, order)
}

function classifyOne(answer: OrderAnswer, order: OrderRequest): Classification {
  const { cloid } = order
  switch (answer.kind) {
    case 'error':
      return { outcome: 'refused', code: codeOf(answer), detail: sentenceOf(answer) }
    case 'cancelled':
      return { outcome: 'unknown', detail: 'The venue spoke of a cancel; an order was sent.' }
    case 'filled': {
      const { oid, size, averagePrice } = answer
      const facts = { state: 'filled', filled_size: size, average_price: averagePrice }
      const paid = order.reduceOnly ? 0n : notionalOf(size, microsOf(averagePrice))
      return { outcome: 'accepted', providerRef: oid, facts, costUsdMicros: paid }
    }
    case 'resting':
      // A venue may call an order that waits for its trigger a resting one.
      return {
        outcome: 'accepted',
        providerRef: answer.oid,
        facts: { state: order.trigger === undefined ? 'resting' : 'waiting' },
      }
    case 'waiting':
      return { outcome: 'accepted', providerRef: answer.oid ?? cloid, facts: { state: 'waiting' } }
  }
}

type ErrorAnswer = Extract<OrderAnswer, { kind: 'error' }>

export function codeOf({ error }: ErrorAnswer): Refusal['code'] {
  return error === 'margin' ? 'INSUFFICIENT_FUNDS' : 'UPSTREAM_REJECTED'
}

export const sentenceOf = ({ error, detail }: ErrorAnswer): string =>
  `The venue refused (${error}): ${detail}`

/** What a tool says of an order that it has made, from the ledger alone. */
export function describeOrder(
  entry: Entry,
  asked: Readonly<{ symbol?: string; price?: string }>,
): Record<string, string | boolean> {
  const { facts } = entry
  const state = facts['state']
  const expires = facts['expires_after']
  const named: readonly (readonly [string, string | undefined])[] = [
    ['symbol', asked.symbol],
    ['price', asked.price],
    ['side', facts['side']],
    ['size', facts['size']],
    ['order_id', entry.providerRef],
    ['order_state', state],
    ['filled_size', facts['filled_size']],
    ['average_price', facts['average_price']],
    ['expires_at', expires === undefined ? undefined : new Date(Number(expires)).toISOString()],
  ]
  const said = named.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  return {
    ...z.record(z.string(), z.string()).parse(Object.fromEntries(said)),
    client_order_id: facts['cloid'] ?? cloidOf(entry),
    simulated: entry.isSimulated,
  }
}
