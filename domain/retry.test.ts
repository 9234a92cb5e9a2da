import { describe, expect, test } from 'vitest'

import {
  decideLeaseLost,
  decideRejection,
  decideRetry,
  MAX_LEASES_LOST,
  MAX_RETRIES,
  MAX_RETRY_AFTER_MS,
} from './retry.ts'

const code = 'UPSTREAM_UNAVAILABLE'
/** Tells which failure it was asked for. */
const backoffMs = (failures: number) => failures * 100

describe('a RetryableError', () => {
  test('is tried again after a delay that grows with the failures', () => {
    expect(decideRetry({ code, retries: 0, backoffMs })).toEqual({
      outcome: 'again',
      retries: 1,
      delayMs: 100,
    })
    expect(decideRetry({ code, retries: 3, backoffMs })).toMatchObject({ delayMs: 400 })
  })

  test('is the end at the fifth of the task', () => {
    expect(decideRetry({ code, retries: MAX_RETRIES - 2, backoffMs }).outcome).toBe('again')
    expect(decideRetry({ code, retries: MAX_RETRIES - 1, backoffMs })).toEqual({
      outcome: 'dead',
      retries: MAX_RETRIES,
    })
  })

  test('is never tried before the time that the other side asked for', () => {
    const asked = decideRetry({ code, retries: 0, retryAfterMs: 9_000, backoffMs })
    expect(asked).toMatchObject({ delayMs: 9_000 })
    const short = decideRetry({ code, retries: 0, retryAfterMs: 1, backoffMs })
    expect(short).toMatchObject({ delayMs: 100 })
    const absurd = decideRetry({ code, retries: 0, retryAfterMs: 1e15, backoffMs })
    expect(absurd).toMatchObject({ delayMs: MAX_RETRY_AFTER_MS })
  })

  test('of a cooldown spends no attempt, however often it comes', () => {
    const wait = { code: 'COOLDOWN_ACTIVE', retryAfterMs: 900_000, backoffMs } as const
    for (const retries of [0, MAX_RETRIES - 1, MAX_RETRIES]) {
      expect(decideRetry({ ...wait, retries })).toMatchObject({ outcome: 'again', retries })
    }
  })
})

test('a task that its workers keep dying of is dead', () => {
  expect(decideLeaseLost(0)).toEqual({ leasesLost: 1, outcome: 'ready' })
  expect(decideLeaseLost(MAX_LEASES_LOST - 1).outcome).toBe('dead')
})

test('a rejected task is tried again while it has attempts', () => {
  expect(decideRejection({ rejections: 0, maxAttempts: 3 }).outcome).toBe('again')
  expect(decideRejection({ rejections: 1, maxAttempts: 3 }).outcome).toBe('again')
  expect(decideRejection({ rejections: 2, maxAttempts: 3 })).toEqual({
    rejections: 3,
    outcome: 'rejected',
  })
})
