import { parseUnits, USD_MICROS } from '@chimera/contracts/money'

/** Micros for a million tokens. */
export type Price = Readonly<{ input: bigint; output: bigint }>

/** What one request to a server can take at most. */
export type MostUsed = Readonly<{ input: number; output: number }>

const MILLION = 1_000_000n

/** Dollars for a million tokens, as decimal text that the configuration has checked. */
export function priceOf(usd: { readonly input: string; readonly output: string }): Price {
  const micros = (text: string): bigint => parseUnits(text, 6) ?? 0n
  return { input: micros(usd.input), output: micros(usd.output) }
}

/** Rounded up: less than was spent never counts. */
export const costOf = ({ input, output }: MostUsed, price: Price): bigint =>
  (BigInt(input) * price.input + BigInt(output) * price.output + MILLION - 1n) / MILLION

export const isFree = ({ input, output }: Price): boolean => input === 0n && output === 0n

/** For people: `0.018000`. */
export const usdText = (micros: bigint): string =>
  `${micros / USD_MICROS}.${(micros % USD_MICROS).toString().padStart(6, '0')}`
