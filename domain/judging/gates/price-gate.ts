import { movedWorth } from '../../budget/usd-worth.ts'
import type { Gate } from './gate.ts'

/**
 * Live money of which nobody knows what it is worth fits no budget: without a price that is fresh
 * enough it is denied. Simulated money is counted where there is a price, and moves without one.
 */
export const priceGate: Gate = ({ attempt, effect, scene: { policy } }) => {
  if (attempt.goal.mode !== 'live' || policy === undefined) return []
  const { nowMs, priceOf, compiled } = policy
  const prices = { nowMs, priceOf, maxAgeMs: compiled.priceMaxAgeMs }
  if (movedWorth(effect.tool, effect.args, prices) !== undefined) return []
  const reason =
    `No price says what this is worth, none or none younger than ${prices.maxAgeMs / 1_000} s: ` +
    'chimera policy price set <asset> <dollars> --decimals <n>.'
  return [{ gate: 'budget', vote: 'deny', code: 'PRICE_UNAVAILABLE', reason }]
}
