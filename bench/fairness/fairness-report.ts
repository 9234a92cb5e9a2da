import { renderTable } from '@chimera/cli/terminal-table'

import { median, shown } from '../report/figures.ts'
import { type Target, TARGET_HEAD, targetRow } from '../report/targets.ts'
import type { FairRound, Waits } from './measure-fairness.ts'

/** The median of the rounds' own ratios. */
const ratioOf = (rounds: readonly FairRound[], of: (waits: Waits) => number): number =>
  median(rounds.map(({ alone, beside }) => of(beside) / of(alone)))

/** A tenant with ten tasks waits hardly longer beside one with a hundred thousand (section 11). */
export const fairnessTargets = (rounds: readonly FairRound[]): Target[] => [
  {
    what: 'p95 of the small tenant, beside / alone',
    found: ratioOf(rounds, ({ p95 }) => p95),
    below: 1.5,
    unit: 'x',
  },
]

const partsOf = (round: number, name: string, waits: Waits) => [
  round,
  name,
  ...[waits.to_claim, waits.to_result, waits.to_verdict].map((ms) => shown(ms, 'ms')),
]

export function renderFairness(rounds: readonly FairRound[], tasks: number): string[] {
  return [
    `A tenant with 10 no-op tasks alone, and beside one with ${tasks} that are ready.`,
    '',
    ...renderTable(
      ['round', 'alone p50', 'p95', 'beside p50', 'p95', 'max', 'queued', 'then', 'big one'],
      rounds.map((round, n) => [
        n + 1,
        shown(round.alone.p50, 'ms'),
        shown(round.alone.p95, 'ms'),
        shown(round.beside.p50, 'ms'),
        shown(round.beside.p95, 'ms'),
        shown(round.beside.max, 'ms'),
        round.queued_before,
        round.queued_after,
        shown(round.big_tasks_per_s, '/s'),
      ]),
    ),
    '',
    ...renderTable(
      ['round', 'small tenant, p95 of', 'ready to claimed', 'to result', 'to verdict'],
      rounds.flatMap(({ alone, beside }, n) => [
        partsOf(n + 1, 'alone', alone),
        partsOf(n + 1, 'beside', beside),
      ]),
    ),
    '',
    ...(rounds.some(({ queued_after: left }) => left === 0)
      ? ['The big tenant was done first in some round: its ratio says too little.', '']
      : []),
    ...renderTable(TARGET_HEAD, fairnessTargets(rounds).map(targetRow)),
  ]
}
