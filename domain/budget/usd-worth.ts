import { HOUSE_ASSETS, movesMoney, TRANSFERS } from '@chimera/contracts/budget/moving-tools'

import { effectCosts } from './effect-costs.ts'

/** What a whole unit of an asset was worth at a time. */
export type Price = Readonly<{ decimals: number; usdMicros: bigint; takenAtMs: number }>

/** By what money is turned into dollars: prices that people have written down, and how old. */
export type Prices = Readonly<{
  nowMs: number
  maxAgeMs: number
  priceOf: (asset: string) => Price | undefined
}>

/** Stamps of prices may be a little ahead of the clock that decides. */
export const CLOCK_SKEW_MS = 5_000

/** Base units in micros of a US dollar, rounded up: a limit never counts less than is spent. */
export function usdWorth(units: bigint, price: Pick<Price, 'decimals' | 'usdMicros'>): bigint {
  const unit = 10n ** BigInt(price.decimals)
  return (units * price.usdMicros + unit - 1n) / unit
}

/**
 * What the money that an effect of a wallet moves is worth in micros of a US dollar: nothing for
 * what moves none. Undefined where no price is fresh enough to say, or the asset is named like a
 * counter of the house.
 */
export function movedWorth(
  tool: string,
  args: Readonly<Record<string, unknown>>,
  prices: Prices,
): bigint | undefined {
  const { asset: named } = args
  if (movesMoney(tool) && typeof named === 'string' && HOUSE_ASSETS.includes(named)) {
    return undefined
  }
  let worth = 0n
  for (const { asset, amount } of effectCosts(tool, args)) {
    if (asset === TRANSFERS) continue
    const price = prices.priceOf(asset)
    if (price === undefined) return undefined
    const ageMs = prices.nowMs - price.takenAtMs
    if (ageMs > prices.maxAgeMs || ageMs < -CLOCK_SKEW_MS) return undefined
    worth += usdWorth(amount, price)
  }
  return worth
}
