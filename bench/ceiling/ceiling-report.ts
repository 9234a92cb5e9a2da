import { renderTable } from '@chimera/cli/terminal-table'

import { median, shown } from '../report/figures.ts'
import { type Ratio, ratiosOf, renderRatios } from '../report/ratios.ts'
import type { Burst } from '../swarm/measure-burst.ts'

/** Who takes turns: the product, the same streams and writes bare, and fewer of both. */
export const LINES = ['swarm', 'bare', 'leanest'] as const
export type LineName = (typeof LINES)[number]

export type CeilingRound = Readonly<{
  bursts: Readonly<Record<LineName, Burst>>
  /** Entries that one connection reads, parses and acknowledges. */
  hops_per_s: number
  /** Rows that one connection moves, 500 a transaction. */
  rows_per_s: number
}>

/** Row versions of a task, by table. */
export type Rows = Record<string, number>

export type CeilingFound = Readonly<{
  rounds: readonly CeilingRound[]
  rows: Readonly<Record<LineName, Rows>>
}>

/** Design.md section 11: no-op tasks through all three roles against the same writes, bare. */
const OF_BARE = 0.7

export function ceilingRatios(rounds: readonly CeilingRound[]): Ratio[] {
  const speed = (name: LineName) => rounds.map(({ bursts }) => bursts[name].tasks_per_s)
  const cpu = (name: LineName) => rounds.map(({ bursts }) => cpuOf(bursts[name]))
  return [
    ratiosOf({
      what: 'swarm / bare, tasks a second',
      of: speed('swarm'),
      to: speed('bare'),
      atLeast: OF_BARE,
    }),
    ratiosOf({ what: 'swarm / leanest, tasks a second', of: speed('swarm'), to: speed('leanest') }),
    ratiosOf({ what: 'bare / swarm, CPU a task', of: cpu('bare'), to: cpu('swarm') }),
  ]
}

/** Fewer are of a batch or of the time, not of a task. */
const LEAST_ROWS = 0.005

export function renderCeiling({ rounds, rows }: CeilingFound): string[] {
  const middle = (of: (burst: Burst) => number) => (name: LineName) =>
    median(rounds.map(({ bursts }) => of(bursts[name])))
  const row = (what: string, unit: string, of: (name: LineName) => number): string[] => [
    what,
    ...LINES.map((name) => shown(of(name), unit)),
  ]
  const parts = keysOf(rounds.flatMap(({ bursts }) => LINES.map((name) => bursts[name].cpu_us)))
  const tables = keysOf(LINES.map((name) => rows[name])).filter((table) =>
    LINES.some((name) => (rows[name][table] ?? 0) >= LEAST_ROWS),
  )
  return [
    'No-op tasks of one-task goals through three roles, each move a row in Postgres; medians.',
    'bare: the same streams and writes, one SQL function a batch; leanest: no feed.',
    '',
    ...renderTable(
      ['a task', ...LINES],
      [
        row(
          'tasks a second',
          '',
          middle((one) => one.tasks_per_s),
        ),
        row(
          'write-ahead log',
          'kB',
          middle((one) => one.wal_bytes / 1000),
        ),
        row('row versions', '', (name) => sumOf(rows[name])),
        ...tables.map((table) => row(`  ${table}`, '', (name) => rows[name][table] ?? 0)),
        row('CPU', 'us', middle(cpuOf)),
        ...parts.map((part) =>
          row(
            `  ${part}`,
            'us',
            middle((one) => one.cpu_us[part] ?? 0),
          ),
        ),
      ],
    ),
    '',
    ...renderTable(
      ['round', ...LINES.map((name) => `${name}, tasks/s`), 'raw hops/s', 'raw rows/s'],
      rounds.map((round, n) => [
        n + 1,
        ...LINES.map((name) => shown(round.bursts[name].tasks_per_s)),
        shown(round.hops_per_s),
        shown(round.rows_per_s),
      ]),
    ),
    '',
    'raw hop: one connection reads 500 entries, parses and acknowledges them.',
    'raw row: one connection moves 500 rows in one statement and one commit.',
    '',
    ...renderRatios(ceilingRatios(rounds)),
  ]
}

const sumOf = (of: Readonly<Record<string, number>>): number =>
  Object.values(of).reduce((sum, n) => sum + n, 0)
const cpuOf = ({ cpu_us }: Burst): number => sumOf(cpu_us)
const keysOf = (records: readonly Readonly<Record<string, number>>[]): string[] => [
  ...new Set(records.flatMap((record) => Object.keys(record))),
]
