import { renderTable } from '@chimera/cli/terminal-table'

import { median, quantile, shown } from './figures.ts'

/** Two figures of the same rounds, one divided by the other round by round. */
export type Ratio = Readonly<{
  what: string
  rounds: readonly number[]
  median: number
  /** What design.md section 11 wants, where it wants something. */
  at_least?: number
}>

/** The middle of the rounds' ratios: what else the machine did met both sides of each. */
export function ratiosOf(given: {
  what: string
  of: readonly number[]
  to: readonly number[]
  atLeast?: number
}): Ratio {
  const { what, of, to, atLeast } = given
  const rounds = of.map((value, n) => value / (to[n] ?? Number.NaN)).filter(Number.isFinite)
  const ratio = { what, rounds, median: median(rounds) }
  return atLeast === undefined ? ratio : { ...ratio, at_least: atLeast }
}

export function renderRatios(ratios: readonly Ratio[]): string[] {
  return renderTable(
    ['ratio', 'median', 'least', 'most', 'rounds', 'target', ''],
    ratios.map((ratio) => [
      ratio.what,
      shown(ratio.median),
      shown(quantile(ratio.rounds, 0)),
      shown(quantile(ratio.rounds, 1)),
      ratio.rounds.length,
      ratio.at_least === undefined ? '' : `>= ${ratio.at_least}`,
      verdictOf(ratio),
    ]),
  )
}

function verdictOf({ median: found, at_least: least }: Ratio): string {
  if (least === undefined) return ''
  if (Number.isNaN(found)) return 'NOT MEASURED'
  return found >= least ? 'met' : 'NOT MET'
}
