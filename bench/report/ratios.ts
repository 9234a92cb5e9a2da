import { renderTable } from '@chimera/cli/terminal-table'

import { median, quantile, shown } from './figures.ts'

/** Two figures of the same rounds, one divided by the other round by round. */
export type Ratio = Readonly<{
  what: string
  rounds: readonly number[]
  median: number
  /** What design.md section 11 wants, where it wants something. */
  at_least?: number
  at_most?: number
}>

/** The middle of the rounds' ratios: what else the machine did met both sides of each. */
export function ratiosOf(given: {
  what: string
  of: readonly number[]
  to: readonly number[]
  atLeast?: number
  atMost?: number
}): Ratio {
  const { what, of, to, atLeast, atMost } = given
  const rounds = of.map((value, n) => value / (to[n] ?? Number.NaN)).filter(Number.isFinite)
  return {
    what,
    rounds,
    median: median(rounds),
    ...(atLeast === undefined ? {} : { at_least: atLeast }),
    ...(atMost === undefined ? {} : { at_most: atMost }),
  }
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
      wantedOf(ratio),
      verdictOf(ratio),
    ]),
  )
}

const wantedOf = ({ at_least: least, at_most: most }: Ratio): string =>
  [least === undefined ? [] : `>= ${least}`, most === undefined ? [] : `<= ${most}`]
    .flat()
    .join(', ')

function verdictOf({ median: found, at_least: least, at_most: most }: Ratio): string {
  if (least === undefined && most === undefined) return ''
  if (Number.isNaN(found)) return 'NOT MEASURED'
  return found >= (least ?? -Infinity) && found <= (most ?? Infinity) ? 'met' : 'NOT MET'
}
