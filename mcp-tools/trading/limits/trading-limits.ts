/**
 * What a position and the whole account may grow to, as shares of the equity. Percentages are in
 * hundredths of a percent, so that 7.5 % is a whole number.
 */
export type TradingLimits = Readonly<{
  maxPositionBps: bigint
  /** All positions together over the equity, in hundredths: 300 is 3x. */
  maxLeverageHundredths: bigint
  /** Size times price of one order that opens; undefined where no figure is set. */
  maxOrderMicros?: bigint
}>

/**
 * The ceilings of requirement B26, whatever a configuration says: 15 % of the equity in one
 * position, 3x in all (X13: the source's figures are the hard ceiling, presets only tighter).
 */
export const CEILINGS = { maxPositionBps: 1_500n, maxLeverageHundredths: 300n } as const

/** The stricter of what is configured and the ceilings. */
export function limitsOf(configured: Partial<TradingLimits>): TradingLimits {
  const { maxPositionBps, maxLeverageHundredths, maxOrderMicros } = configured
  return {
    maxPositionBps: least(maxPositionBps, CEILINGS.maxPositionBps),
    maxLeverageHundredths: least(maxLeverageHundredths, CEILINGS.maxLeverageHundredths),
    ...(maxOrderMicros === undefined ? {} : { maxOrderMicros }),
  }
}

const least = (value: bigint | undefined, ceiling: bigint): bigint =>
  value === undefined || value > ceiling ? ceiling : value
