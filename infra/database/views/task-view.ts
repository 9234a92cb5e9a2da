import type { TaskPhase, TaskStatus, TaskType } from '@chimera/contracts/agent-task'
import type { TaskView } from '@chimera/contracts/observable'
import { AttemptOutcome } from '@chimera/contracts/task-result'

import type { Sql } from '../open-database.ts'
import { opinionViewOf, type OpinionRow } from '../opinions/opinion-view.ts'
import { WAITS_ON } from '../tasks/let-wait.ts'
import { FailureColumn, WaitingColumn } from './goal-summary.ts'
import { isoTime } from './iso-time.ts'

type TaskRow = {
  id: string
  goal_id: string
  type: TaskType
  kind: string
  status: TaskStatus
  phase: TaskPhase
  attempt: number
  max_attempts: number
  confidence: number | null
  waiting_on: unknown
  failure: unknown
  verdict: unknown
  depends_on: string[]
  received_at: Date
  planned_at: Date
  ready_at: Date | null
  claimed_at: Date | null
  result_at: Date | null
  judged_at: Date | null
}

type ResultRow = {
  task_id: string
  attempt: number
  worker: string
  outcome: unknown
  created_at: Date
  opinion: OpinionRow | null
}

/** A plan has 500 tasks at most; this is a limit, not a page. */
const MAX_TASKS = 1_000

/** Tasks with all their attempts, in the order of the plan: one by its id, or all of a goal. */
export async function readTaskViews(
  sql: Sql,
  of: { tenantId: string } & ({ taskId: string } | { goalId: string }),
): Promise<TaskView[]> {
  const [column, value] = 'taskId' in of ? ['t.id', of.taskId] : ['t.goal_id', of.goalId]
  const tasks = await sql.query<TaskRow>({
    text: `SELECT t.id, t.goal_id, t.type, t.kind, t.status, t.phase, t.attempt, t.max_attempts,
        t.confidence, ${WAITS_ON} AS waiting_on, t.failure, t.verdict, g.received_at,
        t.planned_at, t.ready_at, t.claimed_at, t.result_at, t.judged_at,
        ARRAY(SELECT d.parent_id::text FROM task_dependencies d WHERE d.child_id = t.id
          ORDER BY d.parent_id) AS depends_on
      FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
      WHERE t.tenant_id = $1 AND ${column} = $2
      ORDER BY t.planned_at, t.id LIMIT ${MAX_TASKS}`,
    values: [of.tenantId, value],
  })
  const results = await sql.query<ResultRow>({
    text: `SELECT r.task_id, r.attempt, r.worker, r.outcome, r.created_at, CASE WHEN
        o.task_id IS NOT NULL THEN jsonb_build_object('asked', o.asked, 'answer', o.answer,
          'answered_at', o.answered_at) END AS opinion
      FROM task_results r LEFT JOIN opinions o ON o.tenant_id = $2 AND o.task_id = r.task_id
        AND o.attempt = r.attempt
      WHERE r.task_id = ANY($1::uuid[]) ORDER BY r.task_id, r.attempt`,
    values: [tasks.map(({ id }) => id), of.tenantId],
  })
  const byTask = Map.groupBy(results, (row) => row.task_id)
  return tasks.map((task) => viewOf(task, byTask.get(task.id) ?? []))
}

function viewOf(task: TaskRow, results: readonly ResultRow[]): TaskView {
  return {
    id: task.id,
    goal_id: task.goal_id,
    type: task.type,
    kind: task.kind,
    status: task.status,
    phase: task.phase,
    waiting_on: WaitingColumn.parse(task.waiting_on),
    attempt: task.attempt,
    max_attempts: task.max_attempts,
    confidence: task.confidence,
    failure: FailureColumn.parse(task.failure),
    depends_on: task.depends_on,
    attempts: results.map((row) => attemptOf(task, row, row === results.at(-1))),
    received_at: isoTime(task.received_at),
    planned_at: isoTime(task.planned_at),
    ready_at: isoTime(task.ready_at),
    claimed_at: isoTime(task.claimed_at),
    result_at: isoTime(task.result_at),
    judged_at: isoTime(task.judged_at),
  }
}

function attemptOf(task: TaskRow, row: ResultRow, isLatest: boolean): TaskView['attempts'][number] {
  const outcome = AttemptOutcome.parse(row.outcome)
  // The row keeps the last verdict only: the newest result's, unless that is still to be judged.
  const isJudged = isLatest && task.judged_at !== null && task.judged_at >= row.created_at
  return {
    attempt: row.attempt,
    outcome: outcome.outcome,
    worker: row.worker,
    result_at: isoTime(row.created_at),
    result: outcome.outcome === 'result' ? outcome.result : outcome.failure,
    verdict: isJudged ? task.verdict : null,
    opinion: opinionViewOf(row.opinion),
  }
}
