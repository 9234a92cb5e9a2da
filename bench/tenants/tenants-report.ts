import { renderTable } from '@chimera/cli/terminal-table'

import { median, shown } from '../report/figures.ts'
import { type Ratio, ratiosOf, renderRatios } from '../report/ratios.ts'
import type { Burst } from '../swarm/measure-burst.ts'

export const SIDES = ['one', 'many'] as const
export type SideName = (typeof SIDES)[number]

export type TenantsRound = Record<SideName, Burst>

export type TenantsFound = Readonly<{
  tenants: number
  tasks: number
  rounds: readonly TenantsRound[]
}>

/** Of the throughput with one tenant that with many has to keep. */
const AT_LEAST = 0.85

export function tenantsRatios({ tenants, rounds }: TenantsFound): Ratio[] {
  const each = (side: SideName, of: (burst: Burst) => number) => rounds.map((one) => of(one[side]))
  return [
    ratiosOf({
      what: `${tenants} tenants / one, tasks a second`,
      of: each('many', (one) => one.tasks_per_s),
      to: each('one', (one) => one.tasks_per_s),
      atLeast: AT_LEAST,
    }),
    ratiosOf({
      what: `${tenants} tenants / one, CPU a task`,
      of: each('many', cpuOf),
      to: each('one', cpuOf),
    }),
  ]
}

export function renderTenants(found: TenantsFound): string[] {
  const { tenants, tasks, rounds } = found
  const parts = [
    ...new Set(rounds.flatMap((one) => SIDES.flatMap((side) => Object.keys(one[side].cpu_us)))),
  ]
  const row = (what: string, unit: string, of: (burst: Burst) => number): string[] => [
    what,
    ...SIDES.map((side) => shown(median(rounds.map((one) => of(one[side]))), unit)),
  ]
  return [
    `${tasks} no-op tasks a burst, of one tenant and of ${tenants} in turn; medians.`,
    'Planner, Worker and Judge see the rows of the tenants of their batch alone (row security).',
    '',
    ...renderTable(
      ['a task', 'one', `${tenants}`],
      [
        row('tasks a second', '', (one) => one.tasks_per_s),
        row('write-ahead log', 'kB', (one) => one.wal_bytes / 1000),
        row('CPU', 'us', cpuOf),
        ...parts.map((part) => row(`  ${part}`, 'us', (one) => one.cpu_us[part] ?? 0)),
      ],
    ),
    '',
    ...renderTable(
      ['round', 'one, tasks/s', `${tenants}, tasks/s`],
      rounds.map((round, n) => [n + 1, ...SIDES.map((side) => shown(round[side].tasks_per_s))]),
    ),
    '',
    ...renderRatios(tenantsRatios(found)),
  ]
}

const cpuOf = ({ cpu_us }: Burst): number => Object.values(cpu_us).reduce((sum, us) => sum + us, 0)
