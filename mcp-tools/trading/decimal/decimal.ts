/**
 * Exact decimals as integers of 10^-scale: prices and dollars in micros (scale 6), sizes in lots
 * (scale szDecimals of their market). No float ever stands between a text and a decision.
 */

/** Which way something is rounded: `down` is towards minus infinity. */
export type Rounding = 'down' | 'up'

/** Prices and US dollars. */
export const MICROS = 6

const PLAIN = /^(-?)(\d{1,24})(?:\.(\d{1,18}))?$/u

/**
 * What a text says, in units of 10^-scale; `parseDecimal('1.5', 6)` is 1500000n. Undefined when it
 * is no plain decimal (an exponent, a `+`, a bare point) or says more than the scale can hold;
 * trailing zeros say nothing.
 */
export function parseDecimal(text: string, scale: number): bigint | undefined {
  const [, sign, whole, digits = ''] = PLAIN.exec(text) ?? []
  if (whole === undefined) return undefined
  const fraction = digits.replace(/0+$/u, '')
  if (fraction.length > scale) return undefined
  const size = BigInt(whole) * 10n ** BigInt(scale) + BigInt(fraction.padEnd(scale, '0') || '0')
  return sign === '-' ? -size : size
}

/**
 * The shortest plain text: no exponent, no trailing zeros, no `-0`. It is what the exchange signs:
 * "100.0" and "100" are two signatures, and only the second is good.
 */
export function formatDecimal(value: bigint, scale: number): string {
  const size = value < 0n ? -value : value
  const unit = 10n ** BigInt(scale)
  const fraction = (size % unit).toString().padStart(scale, '0').replace(/0+$/u, '')
  const text = fraction === '' || scale === 0 ? `${size / unit}` : `${size / unit}.${fraction}`
  return value < 0n ? `-${text}` : text
}

/** The nearest multiple of a positive step in the given direction. */
export function roundTo(value: bigint, step: bigint, rounding: Rounding): bigint {
  const over = ((value % step) + step) % step
  if (over === 0n) return value
  return rounding === 'down' ? value - over : value - over + step
}
