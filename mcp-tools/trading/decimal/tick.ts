import { MICROS, type Rounding, roundTo } from './decimal.ts'

/**
 * Which prices Hyperliquid's perpetuals take: at most 5 significant figures and at most
 * 6 - szDecimals decimals, but whole numbers always ("Tick and lot size" of its docs). Sizes are
 * whole lots of 10^-szDecimals, so an integer of lots is always legal.
 */
const SIGNIFICANT_FIGURES = 5
const WHOLE = 10n ** BigInt(MICROS)

/** The distance between legal prices around a positive price in micros. */
function tickAt(priceMicros: bigint, szDecimals: number): bigint {
  // Of the five leading digits the last one counts; a price below 0.1 has it below the micros.
  const leading = priceMicros.toString().length
  const byFigures = 10n ** BigInt(Math.max(0, leading - SIGNIFICANT_FIGURES))
  const finest = 10n ** BigInt(Math.min(szDecimals, MICROS))
  const tick = byFigures > finest ? byFigures : finest
  return tick > WHOLE ? WHOLE : tick
}

/** Whether the exchange takes this price as it is. */
export function isLegalPrice(priceMicros: bigint, szDecimals: number): boolean {
  return priceMicros > 0n && priceMicros % tickAt(priceMicros, szDecimals) === 0n
}

/**
 * The nearest legal price that is not above (`down`) or not below (`up`). A buyer's bound rounds
 * down and a seller's up: never worse than what was meant. Slippage is added before, never after.
 * Undefined when no legal price is left.
 */
export function roundPrice(
  priceMicros: bigint,
  szDecimals: number,
  rounding: Rounding,
): bigint | undefined {
  if (priceMicros <= 0n) return undefined
  const rounded = roundTo(priceMicros, tickAt(priceMicros, szDecimals), rounding)
  return rounded > 0n ? rounded : undefined
}
