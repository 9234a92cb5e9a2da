import { ConflictError, TerminalError } from '@chimera/contracts/errors'
import type { GoalStatus } from '@chimera/contracts/goal'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'

type Of = {
  readonly tenantId: string
  readonly goalId: string
  readonly reason?: string | undefined
}

/**
 * Pauses a goal within the caller's transaction; the caller appends the audit. Whoever is planning
 * it finds another version. Answers where it is: pausing what is paused changes nothing. Throws
 * GOAL_NOT_FOUND and GOAL_FINISHED.
 */
export async function pauseGoal(tx: Sql, of: Of, audit: AuditDraft): Promise<GoalStatus> {
  const { status } = await lockLiveGoal(tx, of)
  if (status === 'PAUSED') return status
  await tx.query({
    name: 'pause-goal',
    text: `UPDATE goals SET status = 'PAUSED', paused_from = status, version_id = new_version(),
        lease_owner = NULL, lease_until = NULL, audit_id = $3
      WHERE tenant_id = $1 AND id = $2`,
    values: [of.tenantId, of.goalId, audit.idFor(of.tenantId)],
  })
  note(of, { from: status, to: 'PAUSED' }, audit)
  return 'PAUSED'
}

/**
 * Lets a goal go on where it was paused, within the caller's transaction. One whose last task ended
 * while it was paused ends now. Answers where it is. Throws GOAL_NOT_FOUND and GOAL_FINISHED.
 */
export async function resumeGoal(tx: Sql, of: Of, audit: AuditDraft): Promise<GoalStatus> {
  const goal = await lockLiveGoal(tx, of)
  const { paused_from: back } = goal
  if (back === null) return goal.status
  const isOver = goal.tasks_total > 0 && goal.tasks_open === 0
  const end = goal.tasks_failed > 0 ? 'FAILED' : 'COMPLETED'
  const to = isOver ? end : back
  await tx.query({
    name: 'resume-goal',
    text: `UPDATE goals SET status = $4, paused_from = NULL, version_id = new_version(),
        finished_at = CASE WHEN $5 THEN now() END, audit_id = $3
      WHERE tenant_id = $1 AND id = $2`,
    values: [of.tenantId, of.goalId, audit.idFor(of.tenantId), to, isOver],
  })
  note(of, { from: 'PAUSED', to: back }, audit)
  if (isOver) note(of, { from: back, to: end }, audit)
  return to
}

type Row = {
  status: GoalStatus
  paused_from: 'RECEIVED' | 'PLANNED' | 'ACTIVE' | null
  tasks_total: number
  tasks_open: number
  tasks_failed: number
}

async function lockLiveGoal(tx: Sql, { tenantId, goalId }: Of): Promise<Row> {
  const [goal] = await tx.query<Row>({
    name: 'lock-live-goal',
    text: `SELECT status, paused_from, tasks_total, tasks_open, tasks_failed FROM goals
      WHERE tenant_id = $1 AND id = $2 FOR UPDATE`,
    values: [tenantId, goalId],
  })
  if (goal === undefined) throw new TerminalError('GOAL_NOT_FOUND', `There is no goal ${goalId}.`)
  if (['COMPLETED', 'FAILED', 'CANCELLED'].includes(goal.status)) {
    throw new ConflictError('GOAL_FINISHED', `Goal ${goalId} is ${goal.status} already.`)
  }
  return goal
}

function note(of: Of, move: { from: string; to: string }, audit: AuditDraft): void {
  const why = of.reason === undefined ? {} : { note: of.reason.slice(0, 500).toWellFormed() }
  audit.add(of.tenantId, { subject: 'goal', id: of.goalId, ...move, ...why })
}
