import fc from 'fast-check'
import { expect, test } from 'vitest'

import { formatDecimal, parseDecimal, roundTo } from './decimal.ts'

test.each([
  ['100.0', 6, 100_000_000n, '100'],
  ['0.000001', 6, 1n, '0.000001'],
  ['-0.00785', 5, -785n, '-0.00785'],
  ['-0', 6, 0n, '0'],
  ['7', 0, 7n, '7'],
  ['0.3010000', 3, 301n, '0.301'],
])('%s at scale %i is %s, and is written %s', (text, scale, value, shortest) => {
  expect(parseDecimal(text, scale)).toBe(value)
  expect(formatDecimal(value, scale)).toBe(shortest)
})

test.each([
  '',
  ' 1',
  '1e5',
  '+1',
  '.5',
  '5.',
  '1,5',
  '0x10',
  'NaN',
  'Infinity',
  '--1',
  '１',
  '1.0000000000000000000',
  '0.0000001',
])('"%s" is no price', (text) => expect(parseDecimal(text, 6)).toBeUndefined())

test('what is written reads back as itself', () => {
  const value = fc.bigInt({ min: -(10n ** 22n), max: 10n ** 22n })
  fc.assert(
    fc.property(value, fc.integer({ min: 0, max: 8 }), (given, scale) => {
      const text = formatDecimal(given, scale)
      expect(text).toMatch(/^(?:0|-?(?:[1-9]\d*|0(?=\.)))(?:\.\d*[1-9])?$/u)
      expect(parseDecimal(text, scale)).toBe(given)
    }),
  )
})

test('rounding goes to minus infinity or to plus infinity, never by more than a step', () => {
  const value = fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n })
  fc.assert(
    fc.property(value, fc.bigInt({ min: 1n, max: 10n ** 6n }), (given, step) => {
      const [down, up] = [roundTo(given, step, 'down'), roundTo(given, step, 'up')]
      expect(down % step).toBe(0n)
      expect(down <= given && given - down < step).toBe(true)
      expect(up - down).toBe(down === given ? 0n : step)
    }),
  )
})
