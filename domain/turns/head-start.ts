/**
 * Which of the tasks that wait for their turn comes first (W03: urgency and importance are two
 * inputs). A task's turn is the moment it became ready, put forward by a head start: the order
 * never has to be worked out again, and it ages by itself. Whatever becomes ready later than the
 * longest head start comes after a task, however urgent it is, so that nothing starves.
 */
import { GoalGrades, ORDINARY_GRADE } from '@chimera/contracts/goal'

/** What is urgent loses its worth by waiting ... */
const URGENCY_STEP_MS = 60_000
/** ... and what is important does not, but goes before what is neither. */
const IMPORTANCE_STEP_MS = 30_000

/** Both inputs of a goal, as far as it says anything. */
export type Grades = {
  readonly urgency?: number | undefined
  readonly importance?: number | undefined
  /** `low` is what the budget rules put off: of little importance unless it says otherwise. */
  readonly priority?: 'low' | 'normal' | undefined
}

/** No task waits for another that became ready so much later. */
export const LONGEST_HEAD_START_MS = 4 * (URGENCY_STEP_MS + IMPORTANCE_STEP_MS)

/**
 * Milliseconds by which the tasks of a goal are put forward. Urgency weighs twice as much as
 * importance, and neither makes up for all of the other.
 */
export function headStartMs({ urgency, importance, priority }: Grades): number {
  const urgent = urgency ?? ORDINARY_GRADE
  const important = importance ?? (priority === 'low' ? 1 : ORDINARY_GRADE)
  return (urgent - 1) * URGENCY_STEP_MS + (important - 1) * IMPORTANCE_STEP_MS
}

/** The same of a goal's content as its row has it; what does not fit says nothing. */
export function headStartOf(content: unknown): number {
  const { success, data } = GoalGrades.safeParse(content)
  if (!success) return headStartMs({})
  const { urgency, importance, priority } = data
  return headStartMs({
    urgency: urgency ?? undefined,
    importance: importance ?? undefined,
    priority: priority ?? undefined,
  })
}
