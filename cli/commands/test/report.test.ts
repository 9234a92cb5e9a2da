import { expect, test } from 'vitest'

import { isGreen, parseRecords, renderReport, sumUp } from './report.ts'

const jsonl = [
  { project: 'unit', test: 'a.test.ts > adds', outcome: 'passed' },
  { project: 'unit', test: 'a.test.ts > divides', outcome: 'skipped', reason: 'no server' },
  {
    project: 'faults',
    test: 'once.test.ts > once',
    outcome: 'passed',
    guarantee: { id: 'one-tweet', n: 20, seed: 7 },
  },
  {
    project: 'faults',
    test: 'once.test.ts > control',
    outcome: 'passed',
    control: { guard: 'the claim', test: 'one-tweet', expect: '/2/', seen: 'expected 2 to be 1' },
  },
  { project: 'faults', test: 'b.test.ts > control: without it, b fails', outcome: 'skipped' },
]
  .map((record) => JSON.stringify(record))
  .join('\n')
const run = { seconds: 3, projects: [{ name: 'unit', seconds: 2.6 }], commit: 'abc' }

test('the sum counts outcomes and keeps reasons, guarantees and controls', () => {
  expect(sumUp(parseRecords(jsonl), run)).toEqual({
    passed: 3,
    failed: 0,
    skipped: [{ test: 'unit: a.test.ts > divides', reason: 'no server' }],
    failures: [],
    guarantees: [{ id: 'one-tweet', n: 20, seed: 7, passed: true }],
    controls: [
      {
        guard: 'the claim',
        test: 'one-tweet',
        expect: '/2/',
        seen: 'expected 2 to be 1',
        passed: true,
      },
    ],
    controls_left: ['faults: b.test.ts > control: without it, b fails'],
    ...run,
  })
})

test('the last line is the sum alone', () => {
  const rendered = renderReport(sumUp(parseRecords(jsonl), run), { controls: false })
  expect(rendered.trimEnd().split('\n').at(-1)).toBe('3 passed, 0 failed, 1 skipped')
  expect(rendered).toContain('one-tweet (n=20, seed=7)')
  expect(rendered).toContain('unit: a.test.ts > divides: no server')
  expect(rendered).toContain('1 start processes and run under ./chimera test --controls')
  expect(rendered).toContain('Seconds\n      3  unit\n')
})

test('the controls name guard, test and the failure seen', () => {
  const rendered = renderReport(sumUp(parseRecords(jsonl), run), { controls: true })
  expect(rendered).toContain('failed as it must: one-tweet')
  expect(rendered).toContain('guard removed: the claim')
  expect(rendered).toContain('seen:          expected 2 to be 1')
})

test('a run in which nothing ran is not green, nor is one with a failure', () => {
  expect(isGreen(sumUp([], run))).toBe(false)
  const failed = { project: 'unit', test: 'a', outcome: 'failed' as const }
  expect(isGreen(sumUp([...parseRecords(jsonl), failed], run))).toBe(false)
  expect(isGreen(sumUp(parseRecords(jsonl), run))).toBe(true)
})
