import type { PHASES, TaskPhase, TaskStatus } from '@chimera/contracts/agent-task'

/** Every status edge of a task (design.md section 3); a status that names none is final. */
export const TASK_EDGES = {
  PENDING: ['IN_PROGRESS', 'FAILED'],
  // Back to PENDING when the lease is over, or with a `run_at` after a RetryableError.
  IN_PROGRESS: ['REVIEW', 'PENDING', 'FAILED'],
  // Back to PENDING when the result was rejected and attempts are left.
  REVIEW: ['COMPLETED', 'FAILED', 'PENDING'],
  COMPLETED: [],
  FAILED: [],
} as const satisfies Record<TaskStatus, readonly TaskStatus[]>

/**
 * Every edge between phases, which refine a status. Moves inside REVIEW are the Judge's: a closed
 * round sends a task back to `judging`, a held slot makes it wait in `reconciling`.
 */
export const PHASE_EDGES = {
  blocked: ['ready', 'cancelled', 'dead'],
  ready: ['running', 'cancelled', 'dead'],
  running: ['judging', 'ready', 'denied', 'cancelled', 'dead'],
  judging: [
    'awaiting_approval',
    'granted',
    'reconciling',
    'ready',
    'done',
    'rejected',
    'denied',
    'cancelled',
    'dead',
  ],
  awaiting_approval: ['judging', 'granted', 'ready', 'rejected', 'denied', 'cancelled', 'dead'],
  granted: ['judging', 'reconciling', 'ready', 'done', 'rejected', 'denied', 'cancelled', 'dead'],
  reconciling: ['judging', 'granted', 'ready', 'done', 'rejected', 'denied', 'cancelled', 'dead'],
  done: [],
  rejected: [],
  denied: [],
  cancelled: [],
  dead: [],
} as const satisfies Record<TaskPhase, readonly TaskPhase[]>

/** May a task go from one status to another? Staying where it is is no move. */
export function canMoveTask(from: TaskStatus, to: TaskStatus): boolean {
  return includes(TASK_EDGES[from], to)
}

/** May a task go from one phase to another? */
export function canMovePhase(from: TaskPhase, to: TaskPhase): boolean {
  return includes(PHASE_EDGES[from], to)
}

/** The wire status that a phase refines. */
export function statusOfPhase(phase: TaskPhase): TaskStatus {
  return STATUS_OF_PHASE[phase]
}

/** COMPLETED and FAILED are never left again. */
export function isTaskFinal(status: TaskStatus): boolean {
  return TASK_EDGES[status].length === 0
}

const STATUS_OF_PHASE = {
  blocked: 'PENDING',
  ready: 'PENDING',
  running: 'IN_PROGRESS',
  judging: 'REVIEW',
  awaiting_approval: 'REVIEW',
  granted: 'REVIEW',
  reconciling: 'REVIEW',
  done: 'COMPLETED',
  rejected: 'FAILED',
  denied: 'FAILED',
  cancelled: 'FAILED',
  dead: 'FAILED',
} as const satisfies { [P in TaskPhase]: StatusWith<P> }

/**
 * The statuses whose phases hold `P`: keeps the table above equal to the wire's, by the compiler.
 */
type StatusWith<P extends TaskPhase> = {
  [S in TaskStatus]: P extends (typeof PHASES)[S][number] ? S : never
}[TaskStatus]

const includes = (list: readonly string[], value: string): boolean => list.includes(value)
