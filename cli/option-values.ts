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
    const name = names.find((one) => one === text.toUpperCase())
    if (name !== undefined) return name
    throw new InvalidArgumentError(`Use one of ${names.join(', ')}.`)
  }
