import { InvalidArgumentError } from 'commander'

/** Reads a whole number within limits; anything else is wrong usage. */
export const wholeNumber =
  (within: { least: number; most: number }) =>
  (text: string): number => {
    const n = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
    if (n >= within.least && n <= within.most) return n
    throw new InvalidArgumentError(`Use a whole number from ${within.least} to ${within.most}.`)
  }
