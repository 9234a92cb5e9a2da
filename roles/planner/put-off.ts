import { findPressed, type PressedGoal } from '@chimera/infra/database/budgets/find-pressed'
import type { GoalPlan } from '@chimera/infra/database/goals/commit-plans'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'
import type { Sql } from '@chimera/infra/database/open-database'

/**
 * Puts off what is not essential while a budget runs low (requirements section 4.1, 80 %): the
 * tasks of goals with a low priority, where they may cost something, wait for the next UTC day or a
 * higher cap. What is refused at 100 % is the Judge's.
 */
export async function putOffLow(
  sql: Sql,
  leased: readonly LeasedGoal[],
  plans: readonly GoalPlan[],
): Promise<GoalPlan[]> {
  const low = leased.filter(({ content }) => isLow(content))
  const pressed = await findPressed(sql, low)
  const byGoal = new Map(pressed.map((goal) => [`${goal.tenantId} ${goal.id}`, goal]))
  return plans.map((plan) => {
    const goal = byGoal.get(`${plan.tenantId} ${plan.goalId}`)
    if (goal === undefined || !('plan' in plan) || !mayCost(plan)) return plan
    return { ...plan, putOff: putOffFor(goal) }
  })
}

/** Whether a goal may be put off: its tasks then depend on what the record says of budgets. */
export const isLow = (content: unknown): boolean =>
  typeof content === 'object' &&
  content !== null &&
  'priority' in content &&
  content.priority === 'low'

const mayCost = ({ plan }: Extract<GoalPlan, { plan: unknown }>): boolean =>
  plan.tasks.some(({ kind }) => kind !== 'noop')

function putOffFor({ scope, scopeId, asset, mode, usedPercent, counter }: PressedGoal) {
  const name = scope === 'tenant' ? 'the tenant' : `${scope} ${scopeId}`
  const where = scope === 'tenant' ? 'tenant' : `${scope}:${scopeId}`
  return {
    reason: `a low priority: ${usedPercent} % of the ${asset} of ${name} are used today`,
    waitsFor: counter,
    unblock: `chimera budget set ${where} <cap> --asset ${asset} --mode ${mode}`,
  }
}
