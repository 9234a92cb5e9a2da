import { RetryableError } from '@chimera/contracts/errors'
import type { GoalPlan } from '@chimera/infra/database/goals/commit-plans'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'

import { isForModel, planGoal } from './plan-goal.ts'
import { MAX_TASKS_PER_COMMIT, type PlannerDeps } from './plan-goals.ts'
import { isLow } from './put-off.ts'
import { goalKey } from './queue-tasks.ts'
import { refuseTopics } from './refuse-topics.ts'

/**
 * Plans of goals that are not accepted yet, by rules alone and as many as one transaction takes:
 * what they say needs neither a model nor a budget's state, so that a goal and its plan can be
 * written in one row version. Who is not in the answer is accepted first and planned after.
 */
export async function planAtOnce(
  deps: PlannerDeps,
  goals: readonly LeasedGoal[],
): Promise<ReadonlyMap<LeasedGoal, GoalPlan>> {
  const essential = goals.filter(({ content }) => !isLow(content))
  const refused = await refuseTopics(deps, essential)
  const plans = new Map<LeasedGoal, GoalPlan>()
  let room = MAX_TASKS_PER_COMMIT
  for (const goal of essential) {
    const plan = refused.get(goal) ?? ruleOf(goal, deps)
    if (plan === undefined || (deps.model !== undefined && isForModel(goal, plan))) continue
    const size = 'plan' in plan ? plan.plan.tasks.length : 1
    if (size > room) continue
    room -= size
    plans.set(goal, plan)
  }
  return queued(deps, plans)
}

/** The same plans; some of their tasks may have to wait for their turn. */
async function queued(
  { database, tasks }: PlannerDeps,
  plans: ReadonlyMap<LeasedGoal, GoalPlan>,
): Promise<ReadonlyMap<LeasedGoal, GoalPlan>> {
  if (tasks === undefined || plans.size === 0) return plans
  const goals = [...plans.keys()]
  const byKey = new Map(goals.map((goal) => [goalKey({ ...goal, goalId: goal.id }), goal]))
  const found = await tasks.queue(database, byKey, [...plans.values()])
  return new Map(
    found.flatMap((plan, place) => {
      const goal = goals[place]
      return goal === undefined ? [] : [[goal, plan] as const]
    }),
  )
}

function ruleOf(goal: LeasedGoal, { log }: PlannerDeps): GoalPlan | undefined {
  try {
    return planGoal(goal, log)
  } catch (error) {
    if (error instanceof RetryableError) return undefined
    throw error
  }
}
