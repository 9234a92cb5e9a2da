import { ChimeraError, RetryableError } from '@chimera/contracts/errors'
import { Goal } from '@chimera/contracts/goal'
import { planByRules } from '@chimera/domain/rule-planner/rule-planner'
import type { GoalPlan } from '@chimera/infra/database/goals/commit-plans'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'
import type { Logger } from '@chimera/runtime/log'

/**
 * Plans one goal. What cannot be planned is a failure with its reason, never an exception but a
 * RetryableError: a goal that broke the planner would break it at every start again.
 */
export function planGoal(leased: LeasedGoal, log: Logger): GoalPlan {
  const { tenantId, id: goalId, versionId } = leased
  const key = { tenantId, goalId, versionId }
  try {
    const goal = Goal.parse(leased.content)
    return { ...key, plan: planByRules({ tenant: tenantId, goalId, goal }) }
  } catch (err) {
    if (err instanceof RetryableError) throw err
    if (err instanceof ChimeraError && err.kind === 'terminal') {
      return { ...key, failure: { code: err.code, message: err.message } }
    }
    log.error({ err, goal_id: goalId }, 'a goal could not be planned: a defect of the planner')
    return { ...key, failure: { code: 'PLAN_INVALID', message: 'The planner broke on this goal.' } }
  }
}
