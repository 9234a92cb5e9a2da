import { renderTable } from '@chimera/cli/terminal-table'

import { median, shown } from '../report/figures.ts'
import type { ToolCallRound } from './measure-tool-calls.ts'

/** Issue 5: a granted, claimed no-op effect has at least this share of the bare server's speed. */
const LEAST_RATIO = 0.5

/** Medians of all rounds; the ratio is the median of ratios, not the ratio of medians. */
export function summarizeToolCalls(rounds: readonly ToolCallRound[]) {
  const ratio = median(rounds.map((round) => round.ratio))
  return {
    bare_per_s: median(rounds.map((round) => round.bare_per_s)),
    granted_per_s: median(rounds.map((round) => round.granted_per_s)),
    ratio,
    bare_cpu_ms: median(rounds.map((round) => round.bare_cpu_ms)),
    granted_cpu_ms: median(rounds.map((round) => round.granted_cpu_ms)),
    commits_per_call: median(rounds.map((round) => round.commits_per_call)),
    least_ratio: LEAST_RATIO,
    is_met: ratio >= LEAST_RATIO,
  }
}

export function renderToolCalls(rounds: readonly ToolCallRound[]): string[] {
  const all = summarizeToolCalls(rounds)
  const row = (name: string | number, round: ToolCallRound): string[] => [
    String(name),
    shown(round.bare_per_s, '/s'),
    shown(round.granted_per_s, '/s'),
    shown(round.ratio),
    shown(round.bare_cpu_ms, 'ms'),
    shown(round.granted_cpu_ms, 'ms'),
    shown(round.commits_per_call),
  ]
  return [
    'One no-op tool over HTTP: granted, claimed, settled and signed, against the bare SDK.',
    '',
    ...renderTable(
      [
        'round',
        'bare SDK',
        'granted effect',
        'ratio',
        'CPU of a bare call',
        'of a granted one',
        'commits a call',
      ],
      [...rounds.map((round, n) => row(n + 1, round)), row('median', all)],
    ),
    '',
    `ratio ${shown(all.ratio)}, wanted >= ${LEAST_RATIO}: ${all.is_met ? 'met' : 'NOT MET'}`,
  ]
}
