import { renderTable } from '@chimera/cli/terminal-table'

import { median, shown } from '../report/figures.ts'
import { type Ratio, ratiosOf, renderRatios } from '../report/ratios.ts'
import type { Burst } from '../swarm/measure-burst.ts'

/** The record with the pattern alone, and the one with the history. */
export const SIDES = ['empty', 'full'] as const
export type SideName = (typeof SIDES)[number]

export type GrowthRound = Record<SideName, Burst>

export type GrowthFound = Readonly<{
  history: number
  tasks: number
  before: Readonly<Record<SideName, { finished: number; bytes: number }>>
  rounds: readonly GrowthRound[]
}>

/** A new task may cost a tenth more than in an empty record. */
const AT_MOST = 1.1

/** Whose cost grows with the record: Redis and the simulated providers do not read it. */
export const PAYING = ['planner', 'worker', 'judge', 'keeper', 'postgres'] as const

export const costOf = ({ cpu_us }: Burst): number =>
  PAYING.reduce((sum, part) => sum + (cpu_us[part] ?? 0), 0)

export function growthRatios(rounds: readonly GrowthRound[]): Ratio[] {
  const each = (name: SideName, of: (burst: Burst) => number) =>
    rounds.map((round) => of(round[name]))
  const ratio = (what: string, of: (burst: Burst) => number) =>
    ratiosOf({ what, of: each('full', of), to: each('empty', of), atMost: AT_MOST })
  return [
    ratio('full / empty, CPU of roles and Postgres a task', costOf),
    ratio('full / empty, seconds a task', (one) => one.seconds / one.tasks),
    ratiosOf({
      what: 'full / empty, CPU of Postgres a task',
      of: each('full', (one) => one.cpu_us['postgres'] ?? Number.NaN),
      to: each('empty', (one) => one.cpu_us['postgres'] ?? Number.NaN),
    }),
    ratiosOf({
      what: 'full / empty, write-ahead log a task',
      of: each('full', (one) => one.wal_bytes),
      to: each('empty', (one) => one.wal_bytes),
    }),
  ]
}

export function renderGrowth({ history, tasks, before, rounds }: GrowthFound): string[] {
  const middle = (name: SideName, of: (burst: Burst) => number): number =>
    median(rounds.map((round) => of(round[name])))
  const row = (what: string, unit: string, of: (burst: Burst) => number): string[] => [
    what,
    ...SIDES.map((name) => shown(middle(name, of), unit)),
  ]
  return [
    `${tasks} no-op tasks a burst, beside ${history} finished ones and beside none; medians.`,
    '',
    ...renderTable(
      ['a task', ...SIDES],
      [
        ['finished tasks before', ...SIDES.map((name) => before[name].finished)],
        ['size of the record', ...SIDES.map((name) => shown(before[name].bytes / 1e6, 'MB'))],
        row('tasks a second', '', (one) => one.tasks_per_s),
        row('write-ahead log', 'kB', (one) => one.wal_bytes / 1000),
        row('CPU of roles and Postgres', 'us', costOf),
        ...PAYING.map((part) => row(`  ${part}`, 'us', (one) => one.cpu_us[part] ?? 0)),
      ],
    ),
    '',
    ...renderTable(
      ['round', ...SIDES.flatMap((name) => [`${name}, tasks/s`, 'CPU'])],
      rounds.map((round, n) => [
        n + 1,
        ...SIDES.flatMap((name) => [
          shown(round[name].tasks_per_s),
          shown(costOf(round[name]), 'us'),
        ]),
      ]),
    ),
    '',
    ...renderRatios(growthRatios(rounds)),
  ]
}
