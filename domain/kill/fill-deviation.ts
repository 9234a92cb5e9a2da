import { parseUnits } from '@chimera/contracts/money'

import type { Share } from './kill-rules.ts'

/** More decimals than any price has. */
const SCALE = 18

/** A filled order; prices are decimal text. */
export type Fill = Readonly<{
  side: 'buy' | 'sell'
  averagePrice: string
  /** The limit that was granted. */
  limitPrice?: string | undefined
  /** What the venue showed when the order was made; of one that acts at once. */
  markPrice?: string | undefined
}>

/**
 * How much worse a fill was than expected, of the price that was expected: the worse of limit and
 * mark. A better one is no deviation: an order that rests, and one whose limit is the worst price
 * that is taken, are made for better fills. Undefined when there is nothing to compare.
 */
export function fillDeviation(fill: Fill): Share | undefined {
  const average = parseUnits(fill.averagePrice, SCALE)
  if (average === undefined) return undefined
  const shares = [fill.limitPrice, fill.markPrice].flatMap((text): Share[] => {
    const expected = text === undefined ? undefined : parseUnits(text, SCALE)
    if (expected === undefined || expected === 0n) return []
    const worse = fill.side === 'buy' ? average - expected : expected - average
    return [{ part: worse > 0n ? worse : 0n, whole: expected }]
  })
  return shares.toSorted((a, b) => sign(b.part * a.whole - a.part * b.whole))[0]
}

const sign = (value: bigint): number => (value > 0n ? 1 : value < 0n ? -1 : 0)
