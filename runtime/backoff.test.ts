import { expect, test } from 'vitest'

import { BACKOFF, backoffMs, delay } from './backoff.ts'

const almostOne = () => 1 - Number.EPSILON

test('the ceiling doubles with each attempt until the cap', () => {
  const ceilings = [1, 2, 3, 4].map((attempt) => backoffMs('task', attempt, almostOne))
  expect(ceilings).toEqual([999, 1_999, 3_999, 7_999])
  expect(backoffMs('task', 1_000_000, almostOne)).toBe(BACKOFF.task.capMs - 1)
})

test('the delay may be anything below the ceiling', () => {
  expect(backoffMs('task', 3, () => 0)).toBe(0)
  expect(backoffMs('task', 3, () => 0.5)).toBe(2_000)
})

test('a wait that is called off ends at once', async () => {
  await expect(delay(60_000, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' })
})
