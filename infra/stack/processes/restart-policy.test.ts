import { expect, test } from 'vitest'

import { createRestartPolicy } from './restart-policy.ts'

test('the first death is answered at once, deaths in a row ever later, up to 5 s', () => {
  const policy = createRestartPolicy()
  const delays = Array.from({ length: 9 }, () => policy.next(20))
  expect(delays).toEqual([0, 100, 250, 500, 1000, 2000, 5000, 5000, 5000])
})

test('a process that lived ten seconds has recovered', () => {
  const policy = createRestartPolicy()
  for (let n = 0; n < 50; n += 1) policy.next(20)
  expect(policy.next(10_000)).toBe(0)
  expect(policy.next(20)).toBe(100)
})

test('a process that is killed at work again and again is back at once every time', () => {
  const policy = createRestartPolicy()
  const delays = Array.from({ length: 20 }, () => policy.next(2_500))
  expect(new Set(delays)).toEqual(new Set([0]))
})

test('getting to work makes up for one early death, not for many', () => {
  const policy = createRestartPolicy()
  for (let n = 0; n < 4; n += 1) policy.next(20)
  expect([policy.next(2_500), policy.next(2_500), policy.next(20)]).toEqual([500, 500, 1000])
})
