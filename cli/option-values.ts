import { InvalidArgumentError } from 'commander'

/** Reads a whole number within limits; anything else is wrong usage. */
export const wholeNumber =
  (within: { least: number; most: number }) =>
  (text: string): number => {
    const n = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
    if (n >= within.least && n <= within.most) return n
    throw new InvalidArgumentError(`Use a whole number from ${within.least} to ${within.most}.`)
  }

/** Reads one of some names, however it is capitalised. */
export const oneOf =
  (names: readonly string[]) =>
  (text: string): string => {
    const name = names.find((one) => one.toUpperCase() === text.toUpperCase())
    if (name !== undefined) return name
    throw new InvalidArgumentError(`Use one of ${names.join(', ')}.`)
  }

/** Reads names by comma, or one after another where the option is given more than once. */
export const commaNames = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== ''),
]

const UNIT_MS = { h: 3_600_000, d: 86_400_000 } as const

/** Reads an end in the future: `12h`, `90d`, or a time of ISO 8601; at most so many days away. */
export const endWithin =
  (of: { days: number }) =>
  (text: string): Date => {
    const [, count = '', unit = ''] = /^(\d{1,5})([hd])$/.exec(text) ?? []
    const unitMs = unit === 'h' ? UNIT_MS.h : UNIT_MS.d
    const end = unit === '' ? Date.parse(text) : Date.now() + Number(count) * unitMs
    const awayMs = end - Date.now()
    if (awayMs > 0 && awayMs <= of.days * UNIT_MS.d) return new Date(end)
    throw new InvalidArgumentError(`Use 12h, 90d or a time of ISO 8601, within ${of.days} days.`)
  }
