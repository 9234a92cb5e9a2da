import { notionalOf, type EngineState, type Quote } from './engine-state.ts'

const HOUR_MS = 3_600_000
/** Shares are counted in billionths. */
const E9 = 1_000_000_000n
/** Interest of 0.01 % for eight hours, in billionths. */
const INTEREST = 100_000n
/** What the premium may move the rate by in eight hours: 0.05 %. */
const CLAMP = 500_000n
/** An exchange that slept for longer forgives the rest. */
const MAX_HOURS = 24 * 7

/**
 * The rate of one hour in billionths: an eighth of premium + clamp(interest - premium, +-0.05 %)
 * (facts/trading.md section 5). Positive: who is long pays.
 */
export function fundingRate({ markMicros, oracleMicros }: Quote): bigint {
  if (oracleMicros <= 0n) return 0n
  const premium = ((markMicros - oracleMicros) * E9) / oracleMicros
  const drift = INTEREST - premium
  const clamped = drift > CLAMP ? CLAMP : drift < -CLAMP ? -CLAMP : drift
  return (premium + clamped) / 8n
}

/**
 * Pays funding for every whole hour that has begun since the last time. Answers whether anybody
 * held a position then.
 */
export function payFunding(state: EngineState, atMs: number): boolean {
  const from = state.fundedToMs
  if (from === undefined || atMs < from) {
    state.fundedToMs ??= atMs
    return false
  }
  const hours = Math.min(Math.floor(atMs / HOUR_MS) - Math.floor(from / HOUR_MS), MAX_HOURS)
  state.fundedToMs = atMs
  if (hours === 0) return false
  let isDue = false
  for (const record of state.accounts.values()) {
    for (const [asset, { lots }] of record.positions) {
      const quote = state.quotes.get(asset)
      if (quote === undefined) continue
      const value = notionalOf(state, asset, quote.oracleMicros, lots)
      const paid = roundedUp(value * fundingRate(quote) * BigInt(hours))
      record.cashMicros -= paid
      record.paidFundingMicros += paid
      isDue = true
    }
  }
  return isDue
}

/** Towards the exchange: who pays a part of a micro pays a whole one. */
function roundedUp(billionths: bigint): bigint {
  const whole = billionths / E9
  return billionths > 0n && billionths % E9 !== 0n ? whole + 1n : whole
}
