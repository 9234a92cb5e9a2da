import { expect, test } from 'vitest'

import { type CeilingRound, ceilingRatios, renderCeiling } from './ceiling-report.ts'

const burst = (tasks_per_s: number) => ({
  tasks: 1_000,
  seconds: 1_000 / tasks_per_s,
  tasks_per_s,
  row_versions: 0,
  rows_by_table: {},
  wal_bytes: 4_000,
  commits: 0,
  cpu_us: { postgres: 100, planner: 1e6 / tasks_per_s },
})

const round = (swarm: number, bare: number): CeilingRound => ({
  bursts: { swarm: burst(swarm), bare: burst(bare), leanest: burst(bare * 2) },
  hops_per_s: 200_000,
  rows_per_s: 100_000,
})

const rows = { swarm: { goals: 3, tasks: 4 }, bare: { goals: 3 }, leanest: { goals: 2 } }

test('the share of the ceiling is the middle of the rounds, whatever the slow ones were', () => {
  const [share] = ceilingRatios([round(700, 1_000), round(80, 100), round(60, 100)])
  expect(share).toMatchObject({ median: 0.7, at_least: 0.7 })
})

test('less than the share that is wanted is not met', () => {
  const lines = renderCeiling({ rounds: [round(600, 1_000)], rows }).join('\n')
  expect(lines).toMatch(/swarm \/ bare, tasks a second +0\.60 .*NOT MET/)
})

test('rows are summed for each line, and shown by table', () => {
  const lines = renderCeiling({ rounds: [round(800, 1_000)], rows }).join('\n')
  expect(lines).toMatch(/row versions +7\.00 +3\.00 +2\.00/)
  expect(lines).toMatch(/ {2}tasks +4\.00 +0\.00 +0\.00/)
  expect(lines).toMatch(/swarm \/ bare, tasks a second +0\.80 .* met/)
})
