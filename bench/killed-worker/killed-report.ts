import { renderTable } from '@chimera/cli/terminal-table'

import { shown } from '../report/figures.ts'
import { type Ratio, ratiosOf, renderRatios } from '../report/ratios.ts'
import { type Target, TARGET_HEAD, targetRow } from '../report/targets.ts'
import type { Load } from './steady-load.ts'

export const SIDES = ['calm', 'storm'] as const
export type SideName = (typeof SIDES)[number]

export type KilledRound = Record<SideName, Load & { readonly deaths: number }>

export type KilledFound = Readonly<{
  seconds: number
  kill_every_s: number
  fail_share: number
  rounds: readonly KilledRound[]
}>

/** Of the throughput without deaths and failures. */
const KEPT = 0.8

export const killedRatio = ({ rounds }: KilledFound): Ratio =>
  ratiosOf({
    what: 'storm / calm, tasks a second',
    of: rounds.map(({ storm }) => storm.tasks_per_s),
    to: rounds.map(({ calm }) => calm.tasks_per_s),
    atLeast: KEPT,
  })

export function killedTargets({ rounds }: KilledFound): Target[] {
  const sum = (of: (load: Load) => number): number =>
    rounds.reduce((all, { calm, storm }) => all + of(calm) + of(storm), 0)
  return [
    { what: 'tasks without an end', found: sum(({ lost }) => lost), below: 1, unit: 'tasks' },
    { what: 'tasks that failed', found: sum(({ failed }) => failed), below: 1, unit: 'tasks' },
  ]
}

export function renderKilled(found: KilledFound): string[] {
  const { seconds, kill_every_s, fail_share, rounds } = found
  return [
    `No-op tasks for ${seconds} s with one Worker: calm, and with a SIGKILL every ` +
      `${kill_every_s} s and ${shown(fail_share * 100, '%')} of the attempts failing.`,
    '',
    ...renderTable(
      ['round', '', 'posted', 'done in time', 'tasks/s', 'deaths', 'lost', 'failed', 'drained'],
      rounds.flatMap((round, n) =>
        SIDES.map((side) => {
          const load = round[side]
          return [
            n + 1,
            side,
            load.posted,
            load.done_in_window,
            shown(load.tasks_per_s),
            load.deaths,
            load.lost,
            load.failed,
            shown(load.drained_s, 's'),
          ]
        }),
      ),
    ),
    '',
    ...renderRatios([killedRatio(found)]),
    '',
    ...renderTable(TARGET_HEAD, killedTargets(found).map(targetRow)),
  ]
}
