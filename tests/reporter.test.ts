import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { parseRecords, type TestRecord } from '@chimera/cli/commands/test/report'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { CHECKOUT } from './source-tree.ts'

const FIXTURE = join(import.meta.dirname, 'fixtures', 'reporter')
const folder = mkdtempSync(join(tmpdir(), 'chimera-reporter-'))
let records: TestRecord[] = []

beforeAll(() => {
  const file = join(folder, 'report.jsonl')
  spawnSync(
    process.execPath,
    [
      join(CHECKOUT, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      `--config=${join(FIXTURE, 'vitest.config.ts')}`,
      `--reporter=${join(import.meta.dirname, 'reporter.ts')}`,
    ],
    { cwd: FIXTURE, env: { ...process.env, CHIMERA_TEST_REPORT: file }, stdio: 'ignore' },
  )
  records = parseRecords(readFileSync(file, 'utf8'))
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** The record of the test whose name ends so. */
function recordOf(name: string): TestRecord | undefined {
  return records.find(({ test: recorded }) => recorded.endsWith(name))
}

test.each([
  ['> passes', 'passed', undefined],
  ['> fails', 'failed', /expected 1 to be 2/],
  ['> is skipped', 'skipped', /^there is no server$/],
  ['> does not run', 'skipped', undefined],
  ['with a set-up that fails (its hooks)', 'failed', /^the set-up fails$/],
  ['broken-file.test.ts (the file)', 'failed', /^the file does not load$/],
])('%s is recorded as %s', (name, outcome, reason) => {
  const record = recordOf(name)
  expect(record?.outcome).toBe(outcome)
  if (reason === undefined) expect(record?.reason).toBeUndefined()
  else expect(record?.reason).toMatch(reason)
})

test('a guarantee that ran out of time is recorded as broken, with its n and seed', () => {
  expect(recordOf('(n=3, seed=5)')).toMatchObject({
    outcome: 'failed',
    guarantee: { id: 'too-slow', n: 3, seed: 5 },
  })
})

test('a control passes with the failure that it expects, and only with it', () => {
  expect(recordOf('without the lock, passes fails')).toMatchObject({
    outcome: 'passed',
    control: { guard: 'the lock', test: 'passes', expect: '/two/', seen: 'saw two' },
  })
  expect(recordOf('without the latch, passes fails')).toMatchObject({
    outcome: 'failed',
    reason: expect.stringContaining('saw three'),
  })
  expect(recordOf('without nothing, passes fails')).toMatchObject({
    outcome: 'failed',
    reason: expect.stringContaining('it proves nothing'),
  })
})
