import type { TaskConstraints } from '@chimera/contracts/agent-task'
import { DEFAULT_MAX_COST_USD, type Goal } from '@chimera/contracts/goal'
import type { TaskPayload } from '@chimera/contracts/task-payload'

import { freezePlan, type Plan } from '../plan.ts'
import { taskId } from '../task-id.ts'
import type { Intent } from './intent.ts'
import { readParams } from './read-params.ts'
import { readText } from './read-text.ts'

/**
 * Name and version. Templates that change get another version, so that ids never mean two things.
 */
export const RULE_PLANNER = 'rules@1'

/**
 * Understands a goal by the grammar alone: no model, no clock, no chance. Throws TerminalError
 * GOAL_NOT_UNDERSTOOD or INPUT_INVALID; a gateway may call it to refuse a goal before accepting it.
 */
export function readGoal(goal: Goal): Intent {
  return 'text' in goal ? readText(goal.text) : readParams(goal.kind, goal.params)
}

/**
 * Plans a goal by rules. The same tenant, goal id, goal and moment of its arrival give the very
 * same plan: ids, order, hash. Throws TerminalError: GOAL_NOT_UNDERSTOOD, INPUT_INVALID or
 * PLAN_INVALID.
 */
export function planByRules(of: {
  readonly tenant: string
  readonly goalId: string
  readonly receivedMs: number
  readonly goal: Goal
}): Plan {
  const { tenant, goalId, receivedMs, goal } = of
  const { payloads, slots } = readGoal(goal)
  const tasks = payloads.map((payload, index) => ({
    id: taskId({ tenant, goalId, receivedMs, planner: RULE_PLANNER, index }),
    payload,
    constraints: constraintsOf(goal, payload),
    dependsOn: [],
  }))
  const maxCostUsd = goal.max_cost_usd ?? DEFAULT_MAX_COST_USD
  return freezePlan({ planner: RULE_PLANNER, tasks, slots, maxCostUsd })
}

/**
 * Only a drill has more than one task, and it costs nothing: any other may spend what the goal
 * may.
 */
function constraintsOf(goal: Goal, payload: TaskPayload): TaskConstraints {
  return {
    ...(payload.kind === 'noop' ? {} : { max_cost_usd: goal.max_cost_usd ?? DEFAULT_MAX_COST_USD }),
    ...(goal.voice_ref === undefined ? {} : { voice_ref: goal.voice_ref }),
  }
}
