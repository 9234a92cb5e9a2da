import { planShape, type ShapedTask } from './plan-shape.ts'

/** After so many further plans a goal has failed, whatever the next one would say. */
export const MAX_REPLANS = 3

/** A plan that ended because the Judge rejected what came of it. */
export type EndedPlan = {
  /** 1 is the first plan of the goal. */
  readonly plan: number
  readonly shape: string
  /** What failed, and the hash of what it had wanted to do. */
  readonly failures: readonly { readonly code: string; readonly argsHash: string }[]
  readonly tasksCompleted: number
  /** What the goal had cost when it ended, all plans together. */
  readonly costUsdMicros: bigint
}

export type ReplanDecision =
  | { readonly outcome: 'plan' }
  | { readonly outcome: 'stop'; readonly reason: string }
  | { readonly outcome: 'person'; readonly reason: string }

/**
 * Whether a goal gets another plan (design.md section 5). It stops when that goes round in a
 * circle: the bound is reached, the very same failed once more, or money was spent by two plans
 * that completed nothing. What may have happened in the world already is for a person to weigh.
 */
export function decideReplan(of: {
  readonly ended: EndedPlan
  readonly earlier: readonly EndedPlan[]
  /** Effects that are CONFIRMED, UNKNOWN or NEEDS_HUMAN, or may become so. */
  readonly effectsHeld: number
  /** A person has said that it may be planned again. */
  readonly isAllowed: boolean
}): ReplanDecision {
  const { ended, earlier } = of
  if (ended.plan > MAX_REPLANS) {
    return { outcome: 'stop', reason: `${ended.plan} plans were rejected` }
  }
  const repeated = ended.failures.find(({ code, argsHash }) =>
    earlier.some(({ failures }) =>
      failures.some((before) => before.code === code && before.argsHash === argsHash),
    ),
  )
  if (repeated !== undefined) {
    return { outcome: 'stop', reason: `the very same failed again (${repeated.code})` }
  }
  const before = earlier.at(-1)
  if (before !== undefined && isWaste(before, earlier.at(-2)) && isWaste(ended, before)) {
    return { outcome: 'stop', reason: 'two plans in a row cost money and completed nothing' }
  }
  if (of.effectsHeld > 0 && !of.isAllowed) {
    const count = of.effectsHeld === 1 ? 'one effect' : `${of.effectsHeld} effects`
    return { outcome: 'person', reason: `${count} of the goal may have happened already` }
  }
  return { outcome: 'plan' }
}

const isWaste = (plan: EndedPlan, before: EndedPlan | undefined): boolean =>
  plan.tasksCompleted === 0 && plan.costUsdMicros > (before?.costUsdMicros ?? 0n)

/**
 * Why a new plan cannot follow, or nothing. It inherits the slots of the first plan and cannot add
 * one; a plan that was rejected before is none.
 */
export function replanFault(
  plan: {
    readonly tasks: readonly ShapedTask[]
    readonly slots: readonly { readonly slot: string; readonly tool: string }[]
  },
  of: {
    readonly slots: readonly { readonly slot: string; readonly tool: string }[]
    readonly shapes: readonly string[]
  },
): { readonly code: 'PLAN_INVALID' | 'NO_PROGRESS'; readonly message: string } | undefined {
  const foreign = plan.slots.find(
    ({ slot, tool }) => !of.slots.some((known) => known.slot === slot && known.tool === tool),
  )
  if (foreign !== undefined) {
    const message = `A further plan cannot add the slot ${foreign.slot} for ${foreign.tool}.`
    return { code: 'PLAN_INVALID', message }
  }
  if (!of.shapes.includes(planShape(plan.tasks))) return undefined
  return { code: 'NO_PROGRESS', message: 'The further plan is one that was rejected before.' }
}
