import { ChimeraError, InvariantError, RetryableError } from '@chimera/contracts/errors'
import { Goal } from '@chimera/contracts/goal'
import { planByRules } from '@chimera/domain/rule-planner/rule-planner'
import type { GoalPlan } from '@chimera/infra/database/goals/commit-plans'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'
import type { Sql } from '@chimera/infra/database/open-database'
import type { Model, PromptPart } from '@chimera/infra/llm/model'
import type { Recollection } from '@chimera/infra/memory/recollection'
import type { Logger } from '@chimera/runtime/log'

import { askPlan } from './ask-plan.ts'
import { personasOf } from './refuse-topics.ts'

/**
 * Plans one goal by rules. What cannot be planned is a failure with its reason, never an exception
 * but a RetryableError: a goal that broke the planner would break it at every start again.
 */
export function planGoal(leased: LeasedGoal, log: Logger): GoalPlan {
  const { tenantId, id: goalId, versionId, receivedMs } = leased
  const key = { tenantId, goalId, versionId }
  try {
    const goal = Goal.parse(leased.content)
    return { ...key, plan: planByRules({ tenant: tenantId, goalId, receivedMs, goal }) }
  } catch (err) {
    if (err instanceof RetryableError) throw err
    if (err instanceof ChimeraError && err.kind === 'terminal') {
      return { ...key, failure: { code: err.code, message: err.message } }
    }
    log.error({ err, goal_id: goalId }, 'a goal could not be planned: a defect of the planner')
    return { ...key, failure: { code: 'PLAN_INVALID', message: 'The planner broke on this goal.' } }
  }
}

/**
 * What is worth a question to a model: an owner's words that the rules do not understand. A
 * stranger's words never get there, for the call names slots.
 */
export function isForModel(leased: LeasedGoal, plan: GoalPlan): boolean {
  if (!('failure' in plan) || plan.failure.code !== 'GOAL_NOT_UNDERSTOOD') return false
  return leased.trust === 'owner' && 'text' in Goal.parse(leased.content)
}

/**
 * Plans one goal by a model. The last tier is the rule planner: when the model fails, its answer
 * stands, with what was the matter with the model.
 */
export async function planGoalByModel(of: {
  readonly leased: LeasedGoal
  readonly byRules: GoalPlan
  readonly model: Model
  readonly database: Sql
  readonly log: Logger
  /** What agents remember; without it, nothing. */
  readonly recollect?: Recollection | undefined
  /** Why the plans before were rejected. */
  readonly rejected?: readonly string[]
  /** A budget of the goal that runs low. */
  readonly pressed?: string | undefined
}): Promise<GoalPlan> {
  const { leased, byRules, model, log, rejected = [], pressed } = of
  const { tenantId, id: goalId, versionId, receivedMs } = leased
  const goal = Goal.parse(leased.content)
  if (!('failure' in byRules) || !('text' in goal)) return byRules
  const persona = (await personasOf(of.database, [leased])).get(leased)
  try {
    const remembered = await recalled(of, goal.text)
    const words = { rejected, pressed, persona, remembered }
    const asked = { tenant: tenantId, goalId, receivedMs, goal, ...words }
    const plan = await askPlan(model, asked)
    return { tenantId, goalId, versionId, plan }
  } catch (err) {
    if (err instanceof InvariantError) throw err
    log.warn({ err, goal_id: goalId }, 'the model made no plan; the rules have the last word')
    const { code, message } = byRules.failure
    const reason = err instanceof ChimeraError ? `${err.code}: ${err.message}` : 'it broke.'
    const why = `${message} The model made no plan either: ${reason}`
    return { ...byRules, failure: { code, message: why } }
  }
}

/** The call names slots: of what strangers wrote, or may have, nothing is in its prompt. */
async function recalled(
  { leased, recollect }: { leased: LeasedGoal; recollect?: Recollection | undefined },
  question: string,
): Promise<readonly PromptPart[]> {
  const { tenantId, id: goalId, agentId } = leased
  return (await recollect?.({ tenantId, agentId, goalId, question, onlyTrusted: true })) ?? []
}
