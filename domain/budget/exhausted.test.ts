import { describe, expect, it } from 'vitest'

import { exhausted, type FullCounter, nextMidnight } from './exhausted.ts'

const NOW = Date.parse('2026-11-21T21:00:00.000Z')
const counter = (over: Partial<FullCounter> = {}): FullCounter => ({
  scope: 'agent',
  scopeId: 'ana',
  mode: 'live',
  asset: 'USD',
  per: 'day',
  cap: 50_000_000n,
  used: 49_990_000n,
  asked: 15_000n,
  ...over,
})

describe('a task that a budget does not cover', () => {
  it('waits for midnight UTC where the day is used up, and says who can do what', () => {
    expect(exhausted(counter(), NOW)).toEqual({
      outcome: 'wait',
      reason: 'budget of agent ana: 49.99 USD of 50.00 USD a day is used, 0.015 USD more is needed',
      until: '2026-11-22T00:00:00.000Z',
      delayMs: 3 * 3_600_000,
      unblock: 'chimera budget set agent:ana <cap> --asset USD --per day --mode live',
    })
  })

  it.each([
    ['a cap that does not renew', { scope: 'goal', scopeId: 'g-1', per: 'ever' }],
    ['a cap that is smaller than the task alone', { cap: 14_999n, used: 0n }],
  ] as const)('is denied by %s', (_, over) => {
    expect(exhausted(counter(over), NOW).outcome).toBe('deny')
  })

  it('tells other assets in base units', () => {
    const { reason } = exhausted(counter({ asset: 'TRANSFERS', cap: 10n, used: 10n, asked: 1n }), 0)
    expect(reason).toContain('10 TRANSFERS of 10 TRANSFERS a day')
  })
})

it('a day ends at 00:00 UTC, also when it has just begun', () => {
  const midnight = Date.parse('2026-11-22T00:00:00.000Z')
  expect(nextMidnight(midnight - 1)).toBe(midnight)
  expect(nextMidnight(midnight)).toBe(midnight + 86_400_000)
})
