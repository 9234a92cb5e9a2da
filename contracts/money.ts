import { z } from 'zod'

/** Asset codes: `USD` for priced cost, else the token's symbol. */
export const AssetCode = z.string().regex(/^[A-Z][A-Z0-9]{1,11}$/)

/** The asset that a chain moves by itself and is paid its gas in; every other one is a token's. */
export const NATIVE_ASSET = 'ETH'

/** US dollars are kept in micros (1 USD = 1,000,000). */
export const USD_MICROS = 1_000_000n

const DECIMAL = /^(\d{1,15})(?:\.(\d{1,18}))?$/

/**
 * Decimal text to base units, exactly. `parseUnits('1.5', 6)` is 1500000n. Returns undefined when
 * the text is no plain positive decimal or has more digits than the asset.
 */
export function parseUnits(text: string, decimals: number): bigint | undefined {
  const match = DECIMAL.exec(text)
  if (!match) return undefined
  const [, whole = '0', fraction = ''] = match
  if (fraction.length > decimals) return undefined
  return BigInt(whole) * 10n ** BigInt(decimals) + BigInt(fraction.padEnd(decimals, '0') || '0')
}

/**
 * A price given as JSON number (`max_cost_usd` of AgentTask) in micros, rounded down: never
 * above.
 */
export function usdToMicros(usd: number): bigint {
  return BigInt(Math.floor(usd * Number(USD_MICROS)))
}

/** Base units as decimal text, without zeros at its end: `renderUnits(1500000n, 6)` is `1.5`. */
export function renderUnits(amount: bigint, decimals: number): string {
  const digits = amount.toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '')
  return fraction === '' ? whole : `${whole}.${fraction}`
}
