import { describe, expect, test } from 'vitest'

import { fillDeviation } from './fill-deviation.ts'
import { decideKill, KILL_RULES } from './kill-rules.ts'

const share = (part: number, whole = 1_000_000) => ({ part: BigInt(part), whole: BigInt(whole) })

describe('the rules of the kill level', () => {
  test.each([
    ['dailyLoss', share(29_999), undefined],
    ['dailyLoss', share(30_000), 1],
    ['openRisk', share(50_000), undefined],
    ['openRisk', share(50_001), 1],
    ['silentCycles', 2, undefined],
    ['silentCycles', 3, 1],
    ['fillDeviation', share(5_000), undefined],
    ['fillDeviation', share(5_001), 1],
    ['heat', share(59_999), undefined],
    ['heat', share(60_000), 2],
    ['lossesInARow', 2, undefined],
    ['lossesInARow', 3, 2],
    ['singleLoss', share(20_000), undefined],
    ['singleLoss', share(20_001), 2],
    ['crisisConditions', 1, undefined],
    ['crisisConditions', 2, 3],
    ['drawdown', share(299_999), undefined],
    ['drawdown', share(300_000), 4],
  ])('%s of %o asks for %s', (input, value, level) => {
    expect(decideKill({ [input]: value })?.level).toBe(level)
  })

  test('ask for the highest of all that hold, and name them all', () => {
    const decision = decideKill({
      dailyLoss: share(31_000),
      drawdown: share(310_000),
      heat: share(60_000),
    })
    expect(decision).toMatchObject({ level: 4, rules: ['drawdown', 'heat', 'daily-loss'] })
    expect(decision?.reason).toContain('drawdown: the drawdown is 31 %, where 30 % is too much')
    expect(decision?.pausesAgent).toBe(false)
  })

  test('pause the agent for its fill alone', () => {
    expect(decideKill({ fillDeviation: share(6_000) })).toEqual({
      level: 1,
      rules: ['fill-off'],
      reason:
        'fill-off: what a fill was worse than expected is 0.6 %, where more than 0.5 % is too much',
      pausesAgent: true,
    })
  })

  test('say nothing where nothing was measured', () => {
    expect(decideKill({})).toBeUndefined()
  })

  test('fail closed: a part of no equity, and a count that is no number', () => {
    expect(decideKill({ dailyLoss: share(1, 0) })?.level).toBe(1)
    expect(decideKill({ drawdown: share(1, -5) })?.level).toBe(4)
    expect(decideKill({ lossesInARow: Number.NaN })?.level).toBe(2)
  })

  test('leave level 5 to people', () => {
    expect(Math.max(...KILL_RULES.map(({ level }) => level))).toBe(4)
  })
})

describe('how far a fill is off', () => {
  test('counts from the limit, and not when it was better', () => {
    const limitPrice = '50000'
    expect(fillDeviation({ side: 'buy', averagePrice: '50251', limitPrice })).toEqual({
      part: 251n * 10n ** 18n,
      whole: 50_000n * 10n ** 18n,
    })
    for (const better of ['49000', '50000']) {
      expect(fillDeviation({ side: 'buy', averagePrice: better, limitPrice })?.part).toBe(0n)
    }
    expect(fillDeviation({ side: 'sell', averagePrice: '51000', limitPrice })?.part).toBe(0n)
    expect(fillDeviation({ side: 'sell', averagePrice: '49749', limitPrice })?.part).toBe(
      251n * 10n ** 18n,
    )
  })

  test('counts from the mark where that is the worse', () => {
    const of = { side: 'buy', averagePrice: '50300', limitPrice: '51000' } as const
    expect(fillDeviation(of)?.part).toBe(0n)
    expect(fillDeviation({ ...of, markPrice: '50000' })).toMatchObject({
      whole: 50_000n * 10n ** 18n,
    })
  })

  test('is unknown where there is no price to compare with', () => {
    expect(fillDeviation({ side: 'buy', averagePrice: '50300' })).toBeUndefined()
    expect(fillDeviation({ side: 'buy', averagePrice: 'x', markPrice: '1' })).toBeUndefined()
  })
})
