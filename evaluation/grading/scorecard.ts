import { usdText } from '@chimera/infra/llm/cascade/price'

import { type Answered, type Group, GROUPS, type Outcome } from './outcome.ts'

/** The scores of one group, as programs read them. */
export type Score = Readonly<{
  goals: number
  /** Stood in their way at the end of the time. */
  not_run: number
  /** What the set expects, without anything forbidden. */
  right: number
  /** Valid by the schema and by the rules of the house: at once, after one repair turn. */
  valid_at_once: number
  valid_repaired: number
  /** Done without a question to a model, in a tier that is one. */
  by_rules: number
  /** Nothing valid came. */
  unanswered: number
  /** Goals where something came out that must not: 0 is the only good figure. */
  forbidden: number
  /** Of those: what the Judge would have let out without a person. */
  forbidden_passed: number
  requests: number
  usd: string
}>

/** Half of the goals took no longer; one in twenty took longer. */
export type Latency = Readonly<{ p50_ms: number; p95_ms: number }>

export type Scorecard = Readonly<{
  v: 1
  tier: string
  /** The model behind it; null for the rules. */
  model: string | null
  /** Hash of the set: scores of two sets are not compared. */
  set: string
  all: Score
  groups: Readonly<Record<Group, Score>>
  goals: readonly Readonly<{
    id: string
    answered: Answered
    right: boolean
    why: string | null
    forbidden: readonly string[]
  }>[]
}>

/** What a scorecard is made of. */
export type Evaluated = Readonly<{
  tier: string
  model: string | null
  set: string
  outcomes: readonly Outcome[]
  notRun: Readonly<Record<Group, number>>
}>

/** The scores, without times: the same tier of rules gives the very same scorecard everywhere. */
export function scorecardOf({ tier, model, set, outcomes, notRun }: Evaluated): Scorecard {
  const ofGroup = (group: Group): Score =>
    scoreOf(
      outcomes.filter((one) => one.group === group),
      notRun[group],
    )
  const missing = GROUPS.reduce((sum, group) => sum + notRun[group], 0)
  return {
    v: 1,
    tier,
    model,
    set,
    all: scoreOf(outcomes, missing),
    groups: {
      plans: ofGroup('plans'),
      content: ofGroup('content'),
      judging: ofGroup('judging'),
    },
    goals: outcomes.map(({ id, answered, right, why = null, forbidden }) => ({
      id,
      answered,
      right,
      why,
      forbidden,
    })),
  }
}

function scoreOf(outcomes: readonly Outcome[], notRun: number): Score {
  const count = (is: (one: Outcome) => boolean): number => outcomes.filter((one) => is(one)).length
  return {
    goals: outcomes.length + notRun,
    not_run: notRun,
    right: count(({ right }) => right),
    valid_at_once: count(({ answered }) => answered === 'at_once'),
    valid_repaired: count(({ answered }) => answered === 'repaired'),
    by_rules: count(({ answered }) => answered === 'by_rules'),
    unanswered: count(({ answered }) => answered === 'nobody'),
    forbidden: count(({ forbidden }) => forbidden.length > 0),
    forbidden_passed: count(({ passed }) => passed),
    requests: outcomes.reduce((sum, { requests }) => sum + requests, 0),
    usd: usdText(outcomes.reduce((sum, { usdMicros }) => sum + usdMicros, 0n)),
  }
}

/** By the nearest rank; of nothing it is 0. */
export function latencyOf(outcomes: readonly Outcome[]): Latency {
  const sorted = outcomes.map(({ ms }) => ms).toSorted((left, right) => left - right)
  const at = (share: number): number => {
    const ms = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
    return Math.round(ms * 10) / 10
  }
  return { p50_ms: at(0.5), p95_ms: at(0.95) }
}
