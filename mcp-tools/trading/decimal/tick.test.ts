import fc from 'fast-check'
import { expect, test } from 'vitest'

import { formatDecimal, MICROS, parseDecimal } from './decimal.ts'
import { isLegalPrice, roundPrice } from './tick.ts'

const micros = (text: string): bigint => parseDecimal(text, MICROS) ?? -1n

test.each([
  ['1234.5', 1, true],
  ['1234.56', 1, false],
  ['0.001234', 0, true],
  ['0.012345', 0, true],
  ['0.012345', 1, false],
  // Whole numbers are legal with more than five figures, their tenths are not.
  ['123456', 5, true],
  ['1234567', 5, true],
  ['123456.7', 5, false],
  ['12345.6', 0, false],
  ['30135', 5, true],
  ['30135.1', 5, false],
  ['0', 0, false],
])('%s with szDecimals %i is legal: %s', (text, szDecimals, isLegal) =>
  expect(isLegalPrice(micros(text), szDecimals)).toBe(isLegal),
)

test.each([
  // The formatter of the TypeScript SDK makes 123450 of this one.
  ['123456.7', 5, '123456', '123457'],
  ['99999.5', 5, '99999', '100000'],
  ['9999.95', 2, '9999.9', '10000'],
  ['0.012345', 1, '0.01234', '0.01235'],
  ['0.000009', 1, undefined, '0.00001'],
  ['1903.95', 4, '1903.9', '1904'],
])('%s with szDecimals %i is %s for a buyer and %s for a seller', (text, szDecimals, down, up) => {
  const [buyer, seller] = (['down', 'up'] as const).map((rounding) => {
    const rounded = roundPrice(micros(text), szDecimals, rounding)
    return rounded === undefined ? undefined : formatDecimal(rounded, MICROS)
  })
  expect([buyer, seller]).toEqual([down, up])
})

test('a rounded price is legal by the words of the rule, and as near as can be', () => {
  const price = fc.bigInt({ min: 1n, max: 10n ** 14n })
  fc.assert(
    fc.property(price, fc.integer({ min: 0, max: 5 }), (given, szDecimals) => {
      const up = roundPrice(given, szDecimals, 'up') ?? 0n
      const down = roundPrice(given, szDecimals, 'down') ?? 0n
      expect(down <= given && given <= up).toBe(true)
      for (const legal of [down, up].filter((each) => each > 0n)) {
        const text = formatDecimal(legal, MICROS)
        const [whole = '', fraction = ''] = text.split('.')
        const figures = (whole + fraction).replace(/^0+/u, '').length
        expect(fraction.length).toBeLessThanOrEqual(6 - szDecimals)
        expect(fraction === '' || figures <= 5).toBe(true)
        expect(isLegalPrice(legal, szDecimals)).toBe(true)
        expect(roundPrice(legal, szDecimals, 'up')).toBe(legal)
      }
      if (down !== given) expect(isLegalPrice(given, szDecimals)).toBe(false)
    }),
    { numRuns: 500 },
  )
})
