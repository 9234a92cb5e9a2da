import { StructuredGoal, TextGoal, type GoalStatus, type Mode } from '@chimera/contracts/goal'
import type { GoalSummary } from '@chimera/contracts/observable'
import { WaitingOn } from '@chimera/contracts/waiting'
import { z } from 'zod'

import { WAITS_ON } from '../tasks/let-wait.ts'
import { isoTime } from './iso-time.ts'

export type GoalSummaryRow = {
  id: string
  status: GoalStatus
  mode: Mode
  content: unknown
  agent_id: string
  source: string
  waiting_on: unknown
  failure: unknown
  tasks_total: number
  tasks_open: number
  received_at: Date
  /** To the microsecond, as the order of the list has it. */
  position: string
  planned_at: Date | null
  finished_at: Date | null
}

/**
 * Columns of a summary, from `goals g`. A goal that says nothing itself waits for what its first
 * waiting task waits for; those that wait for another task come last, because that is a
 * consequence.
 */
export const GOAL_SUMMARY_COLUMNS = `g.id, g.status, g.mode, g.content, g.agent_id, g.source,
  coalesce(g.waiting_on, CASE WHEN g.finished_at IS NULL THEN (
    SELECT ${WAITS_ON} FROM tasks t
    WHERE t.tenant_id = g.tenant_id AND t.goal_id = g.id
      AND (t.waiting_on IS NOT NULL OR t.turn IS NOT NULL)
    ORDER BY t.phase = 'blocked', t.planned_at, t.id LIMIT 1) END) AS waiting_on,
  g.failure, g.tasks_total, g.tasks_open, g.received_at,
  to_char(g.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS position,
  g.planned_at, g.finished_at`

/** What ended a goal or a task, as its row has it. */
export const FailureColumn = z.object({ code: z.string(), message: z.string() }).nullable()

/** What a goal or a task waits for, as its row has it. */
export const WaitingColumn = WaitingOn.nullable()

export const goalSummaryOf = (row: GoalSummaryRow): GoalSummary => ({
  id: row.id,
  status: row.status,
  mode: row.mode,
  text: textOf(row.content),
  agent_id: row.agent_id,
  source: row.source,
  waiting_on: WaitingColumn.parse(row.waiting_on),
  failure: FailureColumn.parse(row.failure),
  tasks_total: row.tasks_total,
  tasks_open: row.tasks_open,
  received_at: isoTime(row.received_at),
  planned_at: isoTime(row.planned_at),
  finished_at: isoTime(row.finished_at),
})

const Words = TextGoal.pick({ text: true }).loose()
const Structure = StructuredGoal.pick({ kind: true, params: true }).loose()

/** The owner's words, or the kind and its parameters. */
function textOf(content: unknown): string {
  const words = Words.safeParse(content)
  if (words.success) return words.data.text
  const { kind, params } = Structure.parse(content)
  return `${kind} ${JSON.stringify(params)}`
}
