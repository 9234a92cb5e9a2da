import { expect, test } from 'vitest'

import { cloidOf } from './cloid.ts'

const effectKey = 'a'.repeat(64)

test('a slot and round have one cloid for ever, and another round another', () => {
  // A literal: an order of last year has to be found by it.
  expect(cloidOf({ effectKey, round: 1 })).toBe('0x824bbfef31f8f0a886f357545393c8c8')
  expect(cloidOf({ effectKey, round: 2 })).not.toBe(cloidOf({ effectKey, round: 1 }))
})
