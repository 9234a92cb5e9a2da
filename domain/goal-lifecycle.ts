import { ConflictError } from '@chimera/contracts/errors'
import type { GoalStatus } from '@chimera/contracts/goal'

/** States in which a goal may be paused, and to which it returns. */
export type PausableStatus = 'RECEIVED' | 'PLANNED' | 'ACTIVE'

/** Where a goal is; PAUSED remembers what it was paused from, and only PAUSED does. */
export type GoalState =
  | { readonly status: Exclude<GoalStatus, 'PAUSED'>; readonly pausedFrom?: undefined }
  | { readonly status: 'PAUSED'; readonly pausedFrom: PausableStatus }

/** What happens to a goal. */
export type GoalEvent = 'plan' | 'activate' | 'complete' | 'fail' | 'cancel' | 'pause' | 'resume'

/** Every edge of a goal (design.md section 3). PAUSED returns only to where it came from. */
export const GOAL_EDGES = {
  RECEIVED: ['PLANNED', 'PAUSED', 'FAILED', 'CANCELLED'],
  PLANNED: ['ACTIVE', 'PAUSED', 'FAILED', 'CANCELLED'],
  ACTIVE: ['COMPLETED', 'PAUSED', 'FAILED', 'CANCELLED'],
  PAUSED: ['RECEIVED', 'PLANNED', 'ACTIVE', 'FAILED', 'CANCELLED'],
  COMPLETED: [],
  FAILED: [],
  CANCELLED: [],
} as const satisfies Record<GoalStatus, readonly GoalStatus[]>

/** May a goal go from one status to another? For PAUSED see also `applyGoal`. */
export function canMoveGoal(from: GoalStatus, to: GoalStatus): boolean {
  const edges: readonly GoalStatus[] = GOAL_EDGES[from]
  return edges.includes(to)
}

/** COMPLETED, FAILED and CANCELLED are never left again. */
export function isGoalFinal(status: GoalStatus): boolean {
  return GOAL_EDGES[status].length === 0
}

/**
 * The state after an event. Throws ConflictError GOAL_FINISHED for a goal that has ended, and
 * VERSION_CONFLICT for an event that does not fit the state (somebody else moved the goal first).
 */
export function applyGoal(state: GoalState, event: GoalEvent): GoalState {
  if (isGoalFinal(state.status)) {
    throw new ConflictError('GOAL_FINISHED', `The goal is ${state.status}; it cannot ${event}.`)
  }
  const next = nextGoal(state, event)
  if (next === undefined) {
    throw new ConflictError('VERSION_CONFLICT', `A goal that is ${state.status} cannot ${event}.`)
  }
  return next
}

/** Events that lead from one status to one other. */
const STEPS = {
  plan: { from: 'RECEIVED', to: 'PLANNED' },
  activate: { from: 'PLANNED', to: 'ACTIVE' },
  complete: { from: 'ACTIVE', to: 'COMPLETED' },
} as const

function nextGoal(state: GoalState, event: GoalEvent): GoalState | undefined {
  if (event === 'fail') return { status: 'FAILED' }
  if (event === 'cancel') return { status: 'CANCELLED' }
  if (event === 'resume') {
    return state.status === 'PAUSED' ? { status: state.pausedFrom } : undefined
  }
  if (event === 'pause') {
    return isPausable(state.status) ? { status: 'PAUSED', pausedFrom: state.status } : undefined
  }
  const { from, to } = STEPS[event]
  return state.status === from ? { status: to } : undefined
}

function isPausable(status: GoalStatus): status is PausableStatus {
  return status === 'RECEIVED' || status === 'PLANNED' || status === 'ACTIVE'
}
