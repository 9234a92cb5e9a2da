import { expect, test } from 'vitest'

import type { Burst } from '../swarm/measure-burst.ts'
import { renderTenants } from './tenants-report.ts'

const burst = (tasksPerSecond: number): Burst => ({
  tasks: 1_000,
  seconds: 1_000 / tasksPerSecond,
  tasks_per_s: tasksPerSecond,
  row_versions: 8,
  rows_by_table: {},
  wal_bytes: 4_000,
  commits: 0.1,
  cpu_us: { worker: 100 },
})

test.each([
  [900, /200 tenants \/ one, tasks a second +0\.90 .*>= 0\.85 +met/],
  [800, /200 tenants \/ one, tasks a second +0\.80 .*>= 0\.85 +NOT MET/],
])('%d tasks a second of many tenants beside 1,000 of one', (many, line) => {
  const found = { tenants: 200, tasks: 1_000, rounds: [{ one: burst(1_000), many: burst(many) }] }
  expect(renderTenants(found).join('\n')).toMatch(line)
})
