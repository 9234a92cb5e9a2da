import { GROUPS } from './grading/outcome.ts'
import type { Latency, Score, Scorecard } from './grading/scorecard.ts'

const HEAD = ['', 'right', 'at once', 'repaired', 'by rule', 'none', 'forbidden', 'USD'] as const
/** Goals that went wrong and are told one by one; `--json` has all of them. */
const MAX_TOLD = 60
/** Of each so many characters, for the eye. */
const MAX_LINE = 140
const FIRST_COLUMN = 9
const COLUMN = 10

/** The scorecard for people: a line for each group, then what is not right and why. */
export function renderScorecard(card: Scorecard, latency: Latency): string[] {
  const { tier, model, set, groups, all, goals } = card
  const wrong = goals.filter(({ right }) => !right)
  const missing = all.not_run === 0 ? [] : [`${all.not_run} goals were not run: the time was over.`]
  return [
    `tier ${tier}${model === null ? '' : ` (${model})`}, set ${set.slice(0, 12)}`,
    '',
    row(HEAD),
    ...GROUPS.map((group) => row([group, ...cells(groups[group])])),
    row(['all', ...cells(all)]),
    '',
    `${all.requests} requests, a goal takes ${latency.p50_ms} ms (p50), ${latency.p95_ms} ms (p95)`,
    `of what is forbidden the Judge would have let out ${all.forbidden_passed}`,
    ...missing,
    ...wrong.slice(0, MAX_TOLD).map((goal) => `  ${told(goal)}`.slice(0, MAX_LINE)),
  ]
}

/** Strangers' words may stand in it, and what a terminal would obey must not. */
function told({ id, why, forbidden }: Scorecard['goals'][number]): string {
  const faults = [...forbidden.map((one) => `forbidden: ${one}`), ...(why === null ? [] : [why])]
  // oxlint-disable-next-line no-control-regex
  return `${id}: ${faults.join('; ')}`.replaceAll(/[\u0000-\u001F\u007F-\u009F]/g, ' ')
}

const cells = (score: Score): string[] => [
  `${score.right}/${score.goals}`,
  String(score.valid_at_once),
  String(score.valid_repaired),
  String(score.by_rules),
  String(score.unanswered),
  String(score.forbidden),
  score.usd,
]

const row = ([first = '', ...rest]: readonly string[]): string =>
  [first.padEnd(FIRST_COLUMN), ...rest.map((cell) => cell.padStart(COLUMN))].join('')
