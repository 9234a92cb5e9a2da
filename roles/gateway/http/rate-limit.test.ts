import { describe, expect, it } from 'vitest'

import { openRateLimit } from './rate-limit.ts'

describe('a rate limit', () => {
  it('lets a burst through, then so many a second, to each name its own', () => {
    let now = 0
    const limit = openRateLimit({ perSecond: 10, burst: 3, now: () => now })
    expect([1, 2, 3].map(() => limit.take('a'))).toEqual([undefined, undefined, undefined])
    expect(limit.take('a')).toBe(100)
    expect(limit.take('b')).toBeUndefined()
    now += 100
    expect(limit.look('a')).toBeUndefined()
    expect(limit.take('a')).toBeUndefined()
    expect(limit.take('a')).toBe(100)
    now += 3_600_000
    expect([1, 2, 3, 4].map(() => limit.take('a') === undefined)).toEqual([true, true, true, false])
  })

  it('remembers a bounded number of names, and those the longest that are in use', () => {
    const limit = openRateLimit({ perSecond: 0.001, burst: 1, now: () => 0 })
    limit.take('first')
    limit.take('kept')
    for (let n = 0; n < 9_999; n += 1) {
      limit.take(`other-${n}`)
      limit.look('kept')
    }
    expect(limit.take('kept')).toBeDefined()
    expect(limit.take('first')).toBeUndefined()
  })
})
