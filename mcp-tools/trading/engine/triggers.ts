import type { EngineTrigger, OrderRecord, Quote } from './engine-state.ts'

/** Between which prices a market has been. */
type Range = Readonly<{ low: bigint; high: bigint }>

/** Where the mark stands, and nowhere else: what counts for an order that has only just come. */
export const rangeNow = ({ markMicros }: Quote): Range => ({ low: markMicros, high: markMicros })

/** The mark, and every trade since the last quote. */
export function rangeSince(quote: Quote): Range {
  const { markMicros: mark, lowMicros: low = mark, highMicros: high = mark } = quote
  return { low: low < mark ? low : mark, high: high > mark ? high : mark }
}

/** Whether a waiting order's price has been reached. */
export function isTriggered(
  { isBuy }: Pick<OrderRecord, 'isBuy'>,
  { tpsl, priceMicros }: EngineTrigger,
  { low, high }: Range,
): boolean {
  // A stop that sells waits below the market, a profit that is taken by selling above it.
  return isBuy === (tpsl === 'sl') ? high >= priceMicros : low <= priceMicros
}
