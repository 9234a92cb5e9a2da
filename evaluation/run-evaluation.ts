import type { Logger } from '@chimera/runtime/log'

import { evaluateContent } from './evaluate-content.ts'
import { evaluateJudging } from './evaluate-judging.ts'
import { evaluatePlan } from './evaluate-plan.ts'
import type { GoalSet } from './goal-set.ts'
import { type Group, GROUPS, type Outcome } from './grading/outcome.ts'
import type { Evaluated } from './grading/scorecard.ts'
import type { EvaluatedTier } from './grading/tier.ts'

/** Where a run is, for whoever waits for it. */
export type Progress = Readonly<{ done: number; of: number; id: string }>

/**
 * Evaluates a tier, one goal after the other, so that latencies are those of an idle server. When
 * `signal` is aborted no further goal begins, and the one under way does not count.
 */
export async function runEvaluation(of: {
  tier: EvaluatedTier
  set: GoalSet
  /** The first so many goals of each group. */
  limit?: number | undefined
  signal: AbortSignal
  log: Logger
  onProgress?: (progress: Progress) => void
}): Promise<Evaluated> {
  const { tier, set, limit, signal, log, onProgress = () => undefined } = of
  const deps = { tier, log, signal }
  const first = <T>(cases: readonly T[]): readonly T[] => cases.slice(0, limit)
  const work: readonly Work[] = [
    ...first(set.plans).map((one) => workOf('plans', one.id, () => evaluatePlan(deps, one))),
    ...first(set.content).map((one) => workOf('content', one.id, () => evaluateContent(deps, one))),
    ...first(set.judging).map((one) => workOf('judging', one.id, () => evaluateJudging(deps, one))),
  ]
  const outcomes: Outcome[] = []
  for (const { id, evaluate } of work) {
    if (signal.aborted) break
    onProgress({ done: outcomes.length, of: work.length, id })
    const outcome = await unlessAborted(signal, evaluate)
    if (outcome !== undefined) outcomes.push(outcome)
  }
  const left = (group: Group): number =>
    work.filter((one) => one.group === group).length -
    outcomes.filter((one) => one.group === group).length
  const [plans, content, judging] = GROUPS.map((group) => left(group))
  const notRun = { plans: plans ?? 0, content: content ?? 0, judging: judging ?? 0 }
  return { tier: tier.name, model: tier.model?.name ?? null, set: set.hash, outcomes, notRun }
}

type Work = Readonly<{ group: Group; id: string; evaluate: () => Promise<Outcome> }>

const workOf = (group: Group, id: string, evaluate: Work['evaluate']): Work => ({
  group,
  id,
  evaluate,
})

/** What an abort has cut short says nothing of the tier. */
async function unlessAborted(
  signal: AbortSignal,
  evaluate: Work['evaluate'],
): Promise<Outcome | undefined> {
  try {
    const outcome = await evaluate()
    return signal.aborted && outcome.answered === 'nobody' ? undefined : outcome
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}
