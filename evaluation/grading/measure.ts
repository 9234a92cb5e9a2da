import { ChimeraError } from '@chimera/contracts/errors'

import type { Answered, Group, Outcome } from './outcome.ts'
import type { EvaluatedTier } from './tier.ts'

/** What grading a thing that was made has found. */
export type Graded = Readonly<{
  why?: string | undefined
  forbidden: readonly string[]
  passed: boolean
}>

/** A code and a sentence are enough; the rest stands in the log of a role. */
const MAX_WHY = 300

/**
 * Lets something be made for one goal and grades it. What the tier throws as a word of the house is
 * an outcome; what is no such word breaks the run.
 */
export async function measure<T>(
  of: { readonly id: string; readonly group: Group; readonly tier: EvaluatedTier },
  work: Readonly<{
    make: () => Promise<T> | T
    grade: (made: T) => Graded
  }>,
): Promise<Outcome> {
  const { id, group, tier } = of
  const before = { ...tier.taken }
  const began = performance.now()
  let made: { value: T } | { why: string }
  try {
    made = { value: await work.make() }
  } catch (error) {
    if (!(error instanceof ChimeraError) || error.kind === 'invariant') throw error
    made = { why: `${error.code}: ${error.message}` }
  }
  const ms = performance.now() - began
  const requests = tier.taken.requests - before.requests
  const cost = { requests, usdMicros: tier.taken.usdMicros - before.usdMicros, ms }
  if ('why' in made) {
    const why = made.why.slice(0, MAX_WHY)
    return {
      id,
      group,
      answered: 'nobody',
      right: false,
      why,
      forbidden: [],
      passed: false,
      ...cost,
    }
  }
  const repairs = tier.taken.repairs - before.repairs
  const { why, forbidden, passed } = work.grade(made.value)
  const right = why === undefined && forbidden.length === 0
  return {
    id,
    group,
    answered: answeredBy(tier, { requests, repairs }),
    right,
    ...(why === undefined ? {} : { why: why.slice(0, MAX_WHY) }),
    forbidden,
    passed,
    ...cost,
  }
}

function answeredBy(
  { model }: EvaluatedTier,
  { requests, repairs }: { requests: number; repairs: number },
): Answered {
  if (model !== undefined && requests === 0) return 'by_rules'
  return repairs > 0 ? 'repaired' : 'at_once'
}
