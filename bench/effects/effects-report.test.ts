import { expect, test } from 'vitest'

import type { Outcome } from './contestant.ts'
import { renderEffects } from './effects-report.ts'

const outcome = (effects: number, kills = 1): Outcome => ({
  intent: `i-${effects}`,
  effects,
  kills,
  recovered_ms: 1_000,
})

const rowOf = (outcomes: Outcome[], absent?: string): string[] => {
  const entry = {
    id: 'x',
    name: 'Someone',
    version: '1.0.0',
    recovery: 'somehow',
    recoversByItself: true,
    outcomes,
    ...(absent === undefined ? {} : { absent }),
  }
  return renderEffects([entry])
}

test('two effects of one intent are counted as such', () => {
  expect(rowOf([outcome(2), outcome(1)]).join('\n')).toMatch(/Someone +1\.0\.0 +2 +3 +1\.50 +1 +0/)
})

test('an intent that was not killed is a fault of the bench, and not in the figures', () => {
  const lines = rowOf([outcome(1, 0), outcome(2)]).join('\n')
  expect(lines).toMatch(/Someone +1\.0\.0 +1 +2 +2\.00/)
  expect(lines).toContain('FAULT i-1: 0 kills')
})

test('who is absent is named with the reason', () => {
  expect(rowOf([], 'not installed')).toContain('ABSENT Someone: not installed')
})
