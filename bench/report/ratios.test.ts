import { expect, test } from 'vitest'

import { ratiosOf, renderRatios } from './ratios.ts'

const speeds = { what: 'ours / theirs', of: [6, 30, 8], to: [3, 10, 4], atLeast: 2.5 }

test('each round is divided by itself: a round on a busy machine counts as any other', () => {
  expect(ratiosOf(speeds)).toMatchObject({ rounds: [2, 3, 2], median: 2 })
})

test('a target that is missed is called so', () => {
  const [, row] = renderRatios([ratiosOf(speeds)])
  expect(row).toMatch(/ours \/ theirs +2\.00 +2\.00 +3\.00 +3 +>= 2\.5 +NOT MET/)
  expect(renderRatios([ratiosOf({ ...speeds, atLeast: 2 })]).join('\n')).toMatch(/>= 2 +met/)
})

test('what was not measured is neither met nor missed', () => {
  const none = ratiosOf({ ...speeds, to: [] })
  expect(renderRatios([none]).join('\n')).toMatch(/- +- +- +0 +>= 2\.5 +NOT MEASURED/)
})

test('what may not be more than so much is held to that', () => {
  const waits = { what: 'our wait / theirs', of: [6, 30, 8], to: [3, 10, 4] }
  const verdict = (atMost: number): string =>
    renderRatios([ratiosOf({ ...waits, atMost })])[1] ?? ''
  expect(verdict(2)).toMatch(/2\.00 .*<= 2 +met/)
  expect(verdict(1.9)).toMatch(/<= 1\.9 +NOT MET/)
})
