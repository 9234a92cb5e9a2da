import { renderTable } from '@chimera/cli/terminal-table'

import { median, shown } from '../report/figures.ts'
import { TARGET_HEAD, type Target, targetRow } from '../report/targets.ts'
import type { IdleRound } from './measure-idle.ts'

/** The processes that are of this house; servers are as large as they are told to be. */
const SERVERS = new Set(['postgres', 'redis'])

/** design.md section 11: at rest, and memory per role process. */
export function idleTargets(rounds: readonly IdleRound[]): Target[] {
  const middle = (of: (round: IdleRound) => number): number => median(rounds.map(of))
  const largest = (round: IdleRound): number =>
    Math.max(
      ...Object.entries(round.rss_mb)
        .filter(([name]) => !SERVERS.has(name))
        .map(([, mb]) => mb),
    )
  return [
    {
      what: 'Redis commands and Postgres statements',
      found: middle((round) => round.redis_per_s + round.statements_per_s),
      below: 5,
      unit: '/s',
    },
    {
      what: 'Redis commands and Postgres transactions',
      found: middle((round) => round.redis_per_s + round.transactions_per_s),
      below: 5,
      unit: '/s',
    },
    {
      what: 'CPU of all processes',
      found: middle((one) => one.core_share * 100),
      below: 1,
      unit: '%',
    },
    { what: 'largest process of ours', found: middle(largest), below: 150, unit: 'MB' },
  ]
}

export function renderIdle(rounds: readonly IdleRound[], targets: readonly Target[]): string[] {
  const last = rounds.at(-1)
  const names = [...new Set(rounds.flatMap((round) => Object.keys(round.rss_mb)))]
  const of = (round: IdleRound, name: string): number =>
    100 * (round.core_share_by_process[name] ?? 0)
  return [
    ...renderTable(
      ['round', 'Redis/s', 'transactions/s', 'statements/s', 'CPU of a core'],
      rounds.map((round, n) => [
        n + 1,
        shown(round.redis_per_s),
        shown(round.transactions_per_s),
        shown(round.statements_per_s),
        shown(round.core_share * 100, '%'),
      ]),
    ),
    '',
    ...renderTable(
      ['process', 'resident', 'CPU of a core'],
      names.map((name) => [
        name,
        shown(median(rounds.map((round) => round.rss_mb[name] ?? Number.NaN)), 'MB'),
        shown(median(rounds.map((round) => of(round, name))), '%'),
      ]),
    ),
    '',
    `Redis, last round: ${commands(last?.redis_by_command ?? {})}`,
    '',
    ...renderTable(TARGET_HEAD, targets.map(targetRow)),
  ]
}

const commands = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([name, n]) => `${name} ${shown(n)}/s`)
    .join(', ')
