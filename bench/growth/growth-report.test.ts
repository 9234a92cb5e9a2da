import { expect, test } from 'vitest'

import type { Burst } from '../swarm/measure-burst.ts'
import { growthRatios, type GrowthRound, renderGrowth } from './growth-report.ts'

const burst = (tasksPerSecond: number, postgres: number): Burst => ({
  tasks: 1_000,
  seconds: 1_000 / tasksPerSecond,
  tasks_per_s: tasksPerSecond,
  row_versions: 8,
  rows_by_table: {},
  wal_bytes: 4_000,
  commits: 0.1,
  cpu_us: { postgres, worker: 100, redis: 9_000 },
})

const rounds: GrowthRound[] = [
  { empty: burst(1_000, 100), full: burst(990, 110) },
  { empty: burst(500, 200), full: burst(400, 300) },
  { empty: burst(900, 100), full: burst(880, 112) },
]

test('a task may cost a tenth more, by CPU of those who read the record and by the clock', () => {
  const [cpu, clock] = growthRatios(rounds)
  expect(cpu).toMatchObject({ median: 1.06, at_most: 1.1 })
  expect(clock?.median).toBeCloseTo(900 / 880)
  const found = {
    history: 1_000_000,
    tasks: 1_000,
    before: { empty: { finished: 10, bytes: 1e7 }, full: { finished: 1_000_010, bytes: 3e9 } },
    rounds,
  }
  const lines = renderGrowth(found).join('\n')
  expect(lines).toMatch(/CPU of roles and Postgres a task +1\.06 .*<= 1\.1 +met/)
  expect(renderGrowth({ ...found, rounds: rounds.slice(1, 2) }).join('\n')).toMatch(
    /CPU of roles and Postgres a task +1\.33 .*<= 1\.1 +NOT MET/,
  )
})
