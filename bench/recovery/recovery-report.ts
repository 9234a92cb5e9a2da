import { renderTable } from '@chimera/cli/terminal-table'

import { shown, summarize } from '../report/figures.ts'
import { TARGET_HEAD, type Target, targetRow } from '../report/targets.ts'
import type { Death } from './deaths.ts'
import type { Recovery } from './kill-processes.ts'
import type { Passage } from './post-goals.ts'

export type Found = {
  recoveries: { death: Death; rounds: Recovery[] }[]
  passages: Passage[]
}

/** design.md section 11: own work within 2 s of the restart; issue 3: a tweet within 2 s. */
export function recoveryTargets({ recoveries, passages }: Found): Target[] {
  return [
    ...recoveries.map(({ death, rounds }) => ({
      what: `${death.process}: restart -> own work done, worst`,
      found: summarize(rounds.map(({ done_ms }) => done_ms)).max,
      below: 2000,
      unit: 'ms',
    })),
    {
      what: 'XADD -> tweet at X, p99',
      found: summarize(passages.map(({ tweeted_ms }) => tweeted_ms)).p99,
      below: 2000,
      unit: 'ms',
    },
  ]
}

export function renderRecovery(found: Found, targets: readonly Target[]): string[] {
  const { recoveries, passages } = found
  const row = (name: string, values: readonly number[]): string[] => {
    const { n, min, p50, p99, max } = summarize(values)
    return [name, String(n), shown(min), shown(p50), shown(p99), shown(max)]
  }
  return [
    ...renderTable(
      ['in milliseconds', 'n', 'least', 'p50', 'p99', 'most'],
      [
        ...recoveries.flatMap(({ death, rounds }) => {
          const line = (what: string, of: (one: Recovery) => number): string[] =>
            row(`${death.process}: ${what}`, rounds.map(of))
          return [
            line('death -> started again', (one) => one.restarted_ms),
            line('started -> ready', (one) => one.ready_ms),
            line('started -> own work done', (one) => one.done_ms),
            line('of that after it was ready', (one) => Math.max(0, one.done_ms - one.ready_ms)),
            line('CPU used by then', (one) => one.cpu_ms),
          ]
        }),
        row(
          'XADD -> tweet at X',
          passages.map(({ tweeted_ms }) => tweeted_ms),
        ),
        row(
          'XADD -> goal completed',
          passages.map(({ completed_ms }) => completed_ms),
        ),
      ],
    ),
    '',
    ...recoveries.map(
      ({ death }) => `${death.process} dies holding ${death.holding} (${death.at})`,
    ),
    '',
    ...renderTable(TARGET_HEAD, targets.map(targetRow)),
  ]
}
