import type { TaskConstraints, TaskType } from '@chimera/contracts/agent-task'
import { canonicalHash } from '@chimera/contracts/canonical'
import type { Slot } from '@chimera/contracts/effect'
import { TerminalError } from '@chimera/contracts/errors'
import { KIND_TYPE, type TaskKind, type TaskPayload } from '@chimera/contracts/task-payload'

import { buildTaskGraph } from './task-graph.ts'

/** One task of a plan; its row starts PENDING. */
export type PlannedTask = {
  readonly id: string
  readonly type: TaskType
  readonly kind: TaskKind
  readonly payload: TaskPayload
  readonly constraints: TaskConstraints
  /** Ids of the tasks that have to be COMPLETED before. */
  readonly dependsOn: readonly string[]
}

/** A frozen plan: tasks, parents first, and every effect that they may have. */
export type Plan = {
  /** Who made it, with its version: `rules@1`. */
  readonly planner: string
  readonly tasks: readonly PlannedTask[]
  readonly slots: readonly Slot[]
  /** SHA-256 of the canonical plan. */
  readonly hash: string
}

/** A task before its type is looked up. */
export type TaskDraft = Omit<PlannedTask, 'type' | 'kind'>

/**
 * Checks a plan, puts its tasks in order and hashes it. Throws PLAN_INVALID when the graph is not
 * bounded and acyclic, costs more than the goal allows, or when tasks and slots do not match: two
 * slots of one name, or a task that names a slot of no effect.
 */
export function freezePlan(draft: {
  readonly planner: string
  readonly tasks: readonly TaskDraft[]
  readonly slots: readonly Slot[]
  readonly maxCostUsd: number
}): Plan {
  const { planner, slots, maxCostUsd } = draft
  const graph = buildTaskGraph(draft.tasks, { maxCostUsd })
  checkSlots(draft.tasks, slots)
  const byId = new Map(draft.tasks.map((task) => [task.id, task]))
  const tasks = graph.order.flatMap((id) => {
    const task = byId.get(id)
    return task === undefined ? [] : [typed(task)]
  })
  return { planner, tasks, slots, hash: canonicalHash({ v: 1, planner, tasks, slots }) }
}

function typed(task: TaskDraft): PlannedTask {
  const { kind } = task.payload
  return { ...task, type: KIND_TYPE[kind], kind }
}

function checkSlots(tasks: readonly TaskDraft[], slots: readonly Slot[]): void {
  const known = new Set(slots.map(({ slot }) => slot))
  if (known.size < slots.length) {
    throw new TerminalError('PLAN_INVALID', 'The plan names one slot twice.')
  }
  for (const { payload } of tasks) {
    if ('slot' in payload && !known.has(payload.slot)) {
      const message = `A task names the slot ${payload.slot}, which the plan does not have.`
      throw new TerminalError('PLAN_INVALID', message)
    }
  }
}
