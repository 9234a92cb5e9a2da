import { sizeDivisor } from '@chimera/contracts/judging/kill'
import type { Refusal } from '@chimera/mcp-kit/provider/exchange'

import { formatDecimal, MICROS } from '../decimal/decimal.ts'
import type { TradingLimits } from './trading-limits.ts'

/** What may add to a position: an open order, one that is on its way, or the candidate. */
export type Offer = Readonly<{ symbol: string; isBuy: boolean; notionalMicros: bigint }>

/** Signed notional at mark: below 0 is short. */
export type Holding = Readonly<{ symbol: string; notionalMicros: bigint }>

/** The account as the venue showed it, with all that may have changed since. */
export type Exposure = Readonly<{
  equityMicros: bigint
  holdings: readonly Holding[]
  /** Reduce-only orders aside: they never add. */
  offers: readonly Offer[]
}>

/**
 * The most that a symbol could come to if every offer of one side were taken and none of the
 * other: so that no order of fills goes above a limit.
 */
export function worstOf(symbol: string, { holdings, offers }: Exposure): bigint {
  let [long, short] = [0n, 0n]
  for (const held of holdings) {
    if (held.symbol !== symbol) continue
    long += held.notionalMicros
    short -= held.notionalMicros
  }
  for (const offer of offers) {
    if (offer.symbol !== symbol) continue
    if (offer.isBuy) long += offer.notionalMicros
    else short += offer.notionalMicros
  }
  const worst = long > short ? long : short
  return worst > 0n ? worst : 0n
}

/**
 * Whether an order that opens keeps to the limits, with everything counted that is open or on its
 * way. An account that the market has carried above a limit may still do what does not add.
 */
export function exposureRefusal(
  candidate: Offer,
  given: { exposure: Exposure; limits: TradingLimits; killLevel: number },
): Refusal | undefined {
  const { exposure, limits, killLevel } = given
  const { equityMicros } = exposure
  const { maxOrderMicros } = limits
  const mostOfOne =
    maxOrderMicros === undefined ? undefined : maxOrderMicros / sizeDivisor(killLevel)
  if (mostOfOne !== undefined && candidate.notionalMicros > mostOfOne) {
    return exceeded('The order is worth', candidate.notionalMicros, mostOfOne)
  }
  const after = { ...exposure, offers: [...exposure.offers, candidate] }
  const { symbol } = candidate
  const worst = worstOf(symbol, after)
  if (worst <= worstOf(symbol, exposure)) return undefined
  if (equityMicros <= 0n) {
    return { code: 'LIMIT_EXCEEDED', detail: 'The account has no equity to open anything with.' }
  }
  const most = (equityMicros * limits.maxPositionBps) / 10_000n / sizeDivisor(killLevel)
  if (worst > most) return exceeded(`The position in ${symbol} could come to`, worst, most)
  const total = symbolsOf(after).reduce((sum, each) => sum + worstOf(each, after), 0n)
  const mostInAll = (equityMicros * limits.maxLeverageHundredths) / 100n
  return total > mostInAll
    ? exceeded('All positions together could come to', total, mostInAll)
    : undefined
}

function symbolsOf({ holdings, offers }: Exposure): string[] {
  return [...new Set([...holdings, ...offers].map(({ symbol }) => symbol))]
}

function exceeded(what: string, micros: bigint, most: bigint): Refusal {
  const [would, may] = [micros, most].map((each) => formatDecimal(each, MICROS))
  return { code: 'LIMIT_EXCEEDED', detail: `${what} ${would} USD; ${may} USD is the limit.` }
}
