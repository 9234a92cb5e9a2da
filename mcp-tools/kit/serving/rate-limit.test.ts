import { expect, test } from 'vitest'

import { createRateLimit } from './rate-limit.ts'

const open = () => {
  const clock = { ms: 0 }
  const limit = createRateLimit({ rate: { perSecond: 10, burst: 5 }, now: () => clock.ms })
  return { clock, take: (principal: string, messages = 1) => limit.take(principal, messages) }
}

test('a burst passes, the next message waits for its time, and then it passes', () => {
  const { clock, take } = open()
  expect([1, 2, 3, 4, 5].map(() => take('a'))).toEqual([0, 0, 0, 0, 0])
  expect(take('a')).toBe(100)
  clock.ms = 99
  expect(take('a')).toBe(1)
  clock.ms = 100
  expect(take('a')).toBe(0)
  expect(take('a')).toBe(100)
})

test('one principal takes nothing from another', () => {
  const { take } = open()
  expect(take('a', 5)).toBe(0)
  expect(take('a')).toBeGreaterThan(0)
  expect(take('b', 5)).toBe(0)
})

test('a batch counts as its messages, and one above the burst as all of it', () => {
  const { clock, take } = open()
  expect(take('a', 3)).toBe(0)
  expect(take('a', 3)).toBe(100)
  expect(take('a', 500)).toBe(300)
  clock.ms = 300
  expect(take('a', 500)).toBe(0)
})

test('a crowd of principals is not remembered for ever', () => {
  const { take } = open()
  take('first', 5)
  for (let n = 0; n < 2_000; n += 1) take(`other ${n}`)
  expect(take('first', 5)).toBe(0)
})
