import { roundPrice } from '../decimal/tick.ts'
import type { Level } from '../engine/engine-state.ts'

const LEVELS = 10
/** A hundredth of a percent between levels, twenty thousand dollars more at each. */
const STEP_PER = 10_000n
const DEPTH_MICROS = 20_000_000_000n

/** A book that candles do not tell of: legal prices around a mark, ever more behind them. */
export function bookAround(
  markMicros: bigint,
  szDecimals: number,
): Readonly<{ bids: readonly Level[]; asks: readonly Level[] }> {
  const side = (way: 1n | -1n): Level[] =>
    Array.from({ length: LEVELS }, (_, index) => {
      const off = way * ((markMicros * BigInt(index + 1)) / STEP_PER)
      const rounding = way === 1n ? 'up' : 'down'
      const price = roundPrice(markMicros + (off === 0n ? way : off), szDecimals, rounding) ?? 1n
      const depth = DEPTH_MICROS * BigInt(index + 1)
      return [price, (depth * 10n ** BigInt(szDecimals)) / price] as const
    })
  return { bids: side(-1n), asks: side(1n) }
}
