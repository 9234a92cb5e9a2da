import { expect, test } from 'vitest'

import { createRestartPolicy } from './restart-policy.ts'

test('the first death is answered at once, deaths in a row ever later, up to 5 s', () => {
  const policy = createRestartPolicy()
  const delays = Array.from({ length: 9 }, () => policy.next(20))
  expect(delays).toEqual([0, 100, 250, 500, 1000, 2000, 5000, 5000, 5000])
})

test('a process that lived ten seconds has recovered, one that lived less has not', () => {
  const policy = createRestartPolicy()
  for (let n = 0; n < 8; n += 1) policy.next(20)
  expect(policy.next(9_999)).toBe(5000)
  expect(policy.next(10_000)).toBe(0)
  expect(policy.next(20)).toBe(100)
})
