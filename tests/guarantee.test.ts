import { expect, inject, test } from 'vitest'

import { control, guarantee, sampleSize, seeded } from './guarantee.ts'

guarantee({ id: 'repeatable-chance', n: 50, seed: 7 }, ({ n, random }) => {
  const again = seeded(7)
  for (let round = 0; round < n; round += 1) expect(again.fraction()).toBe(random.fraction())
})

control({ guard: 'the common seed', test: 'repeatable-chance', expect: /to be 0\.\d+/ }, () => {
  expect(seeded(8).fraction()).toBe(seeded(7).fraction())
})

test('a random integer stays within its bounds and reaches both', () => {
  const random = seeded(1)
  const drawn = Array.from({ length: 200 }, () => random.integer(2, 4))
  expect(new Set(drawn)).toEqual(new Set([2, 3, 4]))
})

test('a shuffled list holds the same items', () => {
  const list = [1, 2, 3, 4, 5, 6, 7, 8]
  const shuffled = seeded(3).shuffle(list)
  expect(shuffled).not.toEqual(list)
  expect(shuffled.toSorted((left, right) => left - right)).toEqual(list)
})

test('the sample is the small one unless the full run was asked for', () => {
  expect(sampleSize({ ci: 3, full: 9 })).toBe({ ci: 3, full: 9 }[inject('sample')])
})
