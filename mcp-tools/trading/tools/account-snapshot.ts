import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'
import type { Refusal } from '@chimera/mcp-kit/provider/exchange'
import { z } from 'zod'

import { MICROS, parseDecimal } from '../decimal/decimal.ts'
import type { Exposure, Offer } from '../limits/exposure.ts'
import type { AccountState, Order } from '../venue/venue.ts'
import type { TradingParts } from './trading-parts.ts'

/** Sizes of any market, with more decimals than any of them has. */
export const SIZE_SCALE = 8

/** A price that is older says nothing of what an order would come to. */
const MAX_PRICE_AGE_MS = 60_000

/** The account as the venue showed it, and from where on the ledger knows more. */
export type Snapshot = Readonly<{
  /** The ledger's commit before the first look. */
  seq: number
  symbol: string
  markMicros: bigint
  exposure: Exposure
  /** Whose order is among the offers of `exposure` already. */
  seenCloids: ReadonlySet<string>
}>

/**
 * Looks at price, open orders and positions, in this order: an order that is filled in between is
 * counted twice, never not at all. Answers a refusal when the price is stale.
 */
export async function readSnapshot(
  { venue, ledger }: TradingParts,
  symbol: string,
): Promise<Snapshot | Refusal> {
  const seq = ledger.seq()
  const price = await venue.price({ symbol })
  const ageMs = Math.abs(ledger.wall() - price.atMs)
  if (ageMs > MAX_PRICE_AGE_MS) {
    const detail = `The price of ${symbol} is ${Math.round(ageMs / 1_000)} s off the clock here.`
    return { code: 'PRICE_UNAVAILABLE', detail }
  }
  const orders = await venue.openOrders()
  const account = await venue.account()
  const markMicros = microsOf(price.mark)
  const offers = orders
    .filter(({ reduceOnly }) => !reduceOnly)
    .map((order) => offerOfOrder(order, { symbol, markMicros }))
  return {
    seq,
    symbol,
    markMicros,
    exposure: { ...standingOf(account), offers },
    seenCloids: new Set(orders.flatMap(({ cloid }) => (cloid === undefined ? [] : [cloid]))),
  }
}

/**
 * The exposure of a snapshot with every order that this ledger knows and the venue may not have
 * shown yet: claimed, unknown, for a person to settle, or confirmed since the look began. Runs in
 * the claim's transaction.
 */
export function exposureNow(ledger: Ledger, snapshot: Snapshot): Exposure {
  const open = (['CLAIMED', 'UNKNOWN', 'NEEDS_HUMAN'] as const).flatMap(ledger.entries.inState)
  const since = ledger.entries
    .changedSince(snapshot.seq)
    .filter(({ state }) => state === 'CONFIRMED')
  const offers = [...open, ...since]
    .filter(
      ({ facts }) => facts?.['cloid'] === undefined || !snapshot.seenCloids.has(facts['cloid']),
    )
    .flatMap((entry) => offerOfEntry(entry, snapshot) ?? [])
  return { ...snapshot.exposure, offers: [...snapshot.exposure.offers, ...offers] }
}

/** What an order could come to: at its price, or at mark where that is more. */
export function offerOf(
  order: Readonly<{ symbol: string; side: 'buy' | 'sell'; size: string; price: string }>,
  at: Readonly<{ symbol: string; markMicros: bigint }>,
): Offer {
  const price = microsOf(order.price)
  const isHigher = order.symbol === at.symbol && at.markMicros > price
  return {
    symbol: order.symbol,
    isBuy: order.side === 'buy',
    notionalMicros: notionalOf(order.size, isHigher ? at.markMicros : price),
  }
}

const offerOfOrder = (order: Order, at: { symbol: string; markMicros: bigint }): Offer =>
  offerOf({ ...order, size: order.remaining }, at)

/** The arguments of place_order, as its claim stored them. */
const PlacedArgs = z.object({
  symbol: z.string(),
  side: z.enum(['buy', 'sell']),
  size: z.string(),
  price: z.string(),
  reduce_only: z.boolean(),
})

function offerOfEntry(entry: Entry, at: Snapshot): Offer | undefined {
  if (entry.tool !== 'place_order' || entry.args === undefined || entry.mode === 'dry') {
    return undefined
  }
  const args = PlacedArgs.parse(JSON.parse(entry.args))
  return args.reduce_only ? undefined : offerOf(args, at)
}

function standingOf({ equityUsd, positions }: AccountState): Omit<Exposure, 'offers'> {
  return {
    equityMicros: microsOf(equityUsd),
    holdings: positions.map(({ symbol, size, notionalUsd }) => {
      const notional = microsOf(notionalUsd)
      return { symbol, notionalMicros: size.startsWith('-') ? -notional : notional }
    }),
  }
}

/** Rounded up: a limit is never missed by a part of a micro. */
export function notionalOf(size: string, priceMicros: bigint): bigint {
  const units = parseDecimal(size, SIZE_SCALE)
  if (units === undefined) throw new RangeError(`"${size}" is no size.`)
  const per = 10n ** BigInt(SIZE_SCALE)
  return (units * priceMicros + per - 1n) / per
}

/** The venue's amounts may have more decimals than micros; what is beyond is cut. */
export function microsOf(text: string): bigint {
  const [, whole = text, fraction = ''] = /^(-?\d+)(?:\.(\d+))?$/u.exec(text) ?? []
  const micros = parseDecimal(`${whole}.${fraction.slice(0, MICROS).padEnd(1, '0')}`, MICROS)
  if (micros === undefined) throw new RangeError(`"${text}" is no amount.`)
  return micros
}
