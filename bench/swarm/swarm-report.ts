import { renderTable } from '@chimera/cli/terminal-table'

import { median, shown } from '../report/figures.ts'
import { type Target, TARGET_HEAD, targetRow } from '../report/targets.ts'
import type { Burst } from './measure-burst.ts'
import type { Pace } from './measure-pace.ts'

/** Fewer are of a batch, not of a task. */
const LEAST_ROWS = 0.01

export type SwarmFound = { bursts: Burst[]; paces: Pace[] }

/** What a task of a one-task goal may write, goal and audit included (design.md section 11). */
export function swarmTargets({ bursts }: SwarmFound): Target[] {
  const middle = (of: (burst: Burst) => number): number => median(bursts.map(of))
  return [
    { what: 'row versions', found: middle((one) => one.row_versions), below: 8, unit: 'a task' },
    {
      what: 'write-ahead log',
      found: middle((one) => one.wal_bytes / 1000),
      below: 4.5,
      unit: 'kB a task',
    },
  ]
}

export function renderSwarm(found: SwarmFound): string[] {
  const { bursts, paces } = found
  const tables = [...new Set(bursts.flatMap((one) => Object.keys(one.rows_by_table)))]
  const parts = [...new Set(bursts.flatMap(({ cpu_us }) => Object.keys(cpu_us)))]
  return [
    'No-op tasks of one-task goals through Planner, Worker and Judge, each move in Postgres.',
    '',
    ...renderTable(
      ['burst', 'tasks', 'tasks/s', 'row versions', 'WAL', 'commits', 'CPU'],
      bursts.map((one, n) => [
        n + 1,
        one.tasks,
        shown(one.tasks_per_s, '/s'),
        shown(one.row_versions),
        shown(one.wal_bytes / 1000, 'kB'),
        shown(one.commits),
        shown(
          Object.values(one.cpu_us).reduce((all, us) => all + us, 0),
          'us',
        ),
      ]),
    ),
    '',
    ...renderTable(
      ['process', 'CPU of a task'],
      parts.map((part) => [part, shown(median(bursts.map((one) => one.cpu_us[part] ?? 0)), 'us')]),
    ),
    '',
    ...renderTable(
      ['table', 'row versions of a task'],
      tables
        .map((name) => [name, median(bursts.map((one) => one.rows_by_table[name] ?? 0))] as const)
        .filter(([, rows]) => rows >= LEAST_ROWS)
        .map(([name, rows]) => [name, shown(rows)]),
    ),
    '',
    ...renderTable(
      ['rate', 'goals', 'ready to judged p50', 'p99', 'received to claimed p50', 'p99'],
      paces.map((one) => [
        shown(one.per_s, '/s'),
        one.goals,
        shown(one.ready_to_judged.p50, 'ms'),
        shown(one.ready_to_judged.p99, 'ms'),
        shown(one.received_to_claimed.p50, 'ms'),
        shown(one.received_to_claimed.p99, 'ms'),
      ]),
    ),
    '',
    ...renderTable(TARGET_HEAD, swarmTargets(found).map(targetRow)),
  ]
}
