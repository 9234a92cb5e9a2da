import { describe, expect, test } from 'vitest'

import { median, quantile, shown, summarize } from './figures.ts'

describe('a quantile', () => {
  test('is one of the values, the nearest rank', () => {
    const values = [5, 1, 4, 2, 3]
    expect(quantile(values, 0)).toBe(1)
    expect(median(values)).toBe(3)
    expect(quantile(values, 0.8)).toBe(4)
    expect(quantile(values, 0.99)).toBe(5)
  })

  test('of nothing is not a number, and is shown as not measured', () => {
    expect(median([])).toBeNaN()
    expect(shown(median([]), 's')).toBe('-')
  })
})

test('what was not measured does not count', () => {
  expect(summarize([2, Number.NaN, 1])).toEqual({ n: 2, min: 1, p50: 1, p99: 2, max: 2 })
})

test.each([
  [0.654_3, '0.65 %'],
  [12.34, '12.3 %'],
  [1455.2, '1455 %'],
])('%d is shown as %s', (value, text) => {
  expect(shown(value, '%')).toBe(text)
})
