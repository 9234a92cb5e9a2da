import type { TaskPhase } from '@chimera/contracts/agent-task'
import type { EffectState } from '@chimera/contracts/effect'
import { ConflictError, TerminalError } from '@chimera/contracts/errors'
import type { GoalStatus } from '@chimera/contracts/goal'

import type { AuditDraft } from '../append-audit.ts'
import { cancelApprovals } from '../approvals/insert-approvals.ts'
import type { Sql } from '../open-database.ts'

/** What a cancel did. */
export type CancelledGoal = {
  /** `already` when the goal was CANCELLED before: harmless, nothing was done. */
  readonly outcome: 'cancelled' | 'already'
  /** Ids of tasks that ended with it. */
  readonly tasks: readonly string[]
  /** Effects that will never be granted. */
  readonly effects: readonly string[]
  /**
   * Effects that were granted and that only the ledger can end: after the commit the Judge has to
   * look at the goal (`{look_at: 'goal'}` on chimera:results) and ask for their VOID.
   */
  readonly cancelling: readonly string[]
}

type Of = { readonly tenantId: string; readonly goalId: string }

/** The planner may add tasks between two looks, once; then the goal is locked. */
const MAX_LOOKS = 3

/**
 * Calls a goal off within the caller's transaction; the caller appends the audit. Its tasks end
 * FAILED/cancelled, but those that wait for an effect which may have happened stay until the
 * ledger has spoken; effects that were not granted are CANCELLED, granted ones are `cancelling`.
 * Rows are locked as everywhere: tasks in key order, then the goal, then effects. Throws
 * GOAL_NOT_FOUND (TerminalError), GOAL_FINISHED (ConflictError) for a goal that ended otherwise,
 * and UNAVAILABLE when PostgreSQL gave up a deadlock: cancel again.
 */
export async function cancelGoal(tx: Sql, of: Of, audit: AuditDraft): Promise<CancelledGoal> {
  const status = await lockGoal(tx, of)
  if (status === 'CANCELLED') return { outcome: 'already', tasks: [], effects: [], cancelling: [] }
  if (status === 'COMPLETED' || status === 'FAILED') {
    throw new ConflictError('GOAL_FINISHED', `Goal ${of.goalId} is ${status} already.`)
  }
  const auditId = audit.idFor(of.tenantId)
  const effects = await cancelEffects(tx, of, auditId)
  const tasks = await cancelTasks(tx, of, auditId)
  await cancelApprovals(tx, { taskIds: tasks.map(({ id }) => id) }, audit)
  await endGoal(tx, of, { ended: tasks.length, auditId })

  audit.add(of.tenantId, { subject: 'goal', id: of.goalId, from: status, to: 'CANCELLED' })
  for (const { id, phase, attempt } of tasks) {
    const item = { subject: 'task', id, attempt, from: phase, to: 'cancelled' } as const
    audit.add(of.tenantId, { ...item, note: 'CANCELLED' }, of.goalId)
  }
  for (const { id, was, state } of effects) {
    const to = state === 'GRANTED' ? 'cancelling' : state
    const item = { subject: 'effect', id, from: was, to, note: 'CANCELLED' } as const
    audit.add(of.tenantId, item, of.goalId)
  }
  const ids = (state: EffectState) => effects.filter((e) => e.state === state).map(({ id }) => id)
  return {
    outcome: 'cancelled',
    tasks: tasks.map(({ id }) => id),
    effects: ids('CANCELLED'),
    cancelling: ids('GRANTED'),
  }
}

/** Locks all tasks and then the goal; looks again when the Planner added tasks in between. */
async function lockGoal(tx: Sql, { tenantId, goalId }: Of): Promise<GoalStatus> {
  const lockTasks = async () => {
    const rows = await tx.query({
      name: 'lock-tasks-of-goal',
      text: `SELECT id FROM tasks WHERE tenant_id = $1 AND goal_id = $2 ORDER BY id FOR UPDATE`,
      values: [tenantId, goalId],
    })
    return rows.length
  }
  for (let look = 1, locked = await lockTasks(); ; look += 1) {
    const [goal] = await tx.query<{ status: GoalStatus; tasks_total: number }>({
      name: 'lock-goal',
      text: `SELECT status, tasks_total FROM goals WHERE tenant_id = $1 AND id = $2 FOR UPDATE`,
      values: [tenantId, goalId],
    })
    if (goal === undefined) {
      throw new TerminalError('GOAL_NOT_FOUND', `There is no goal ${goalId}.`)
    }
    if (goal.tasks_total === locked || look >= MAX_LOOKS) return goal.status
    locked = await lockTasks()
  }
}

/**
 * What was granted stays GRANTED until the ledger answers; a void that is under way gets the
 * reason.
 */
async function cancelEffects(
  tx: Sql,
  { tenantId, goalId }: Of,
  auditId: string,
): Promise<{ id: string; was: EffectState; state: EffectState }[]> {
  return tx.query({
    name: 'cancel-effects',
    text: `WITH open AS (
        SELECT id, state FROM effects
        WHERE tenant_id = $1 AND goal_id = $2
          AND state IN ('PROPOSED', 'AWAITING_APPROVAL', 'GRANTED')
        ORDER BY id FOR UPDATE
      )
      UPDATE effects e SET version_id = new_version(), audit_id = $3,
        state = CASE WHEN o.state = 'GRANTED' THEN e.state ELSE 'CANCELLED' END,
        settled_at = CASE WHEN o.state = 'GRANTED' THEN e.settled_at ELSE now() END,
        code = CASE WHEN o.state = 'GRANTED' THEN e.code ELSE 'CANCELLED' END,
        cancelling = o.state = 'GRANTED',
        void_reason = CASE WHEN o.state = 'GRANTED' THEN 'cancelled' ELSE e.void_reason END
      FROM open o WHERE e.id = o.id
      RETURNING e.id, o.state AS was, e.state`,
    values: [tenantId, goalId, auditId],
  })
}

async function cancelTasks(
  tx: Sql,
  { tenantId, goalId }: Of,
  auditId: string,
): Promise<{ id: string; phase: TaskPhase; attempt: number }[]> {
  const failure = { code: 'CANCELLED', message: 'The goal was cancelled.' }
  return tx.query({
    name: 'cancel-tasks',
    text: `WITH open AS (
        SELECT t.id, t.phase FROM tasks t
        WHERE t.tenant_id = $1 AND t.goal_id = $2 AND (t.status IN ('PENDING', 'IN_PROGRESS')
          OR (t.status = 'REVIEW' AND NOT EXISTS (
            SELECT FROM effects e
            WHERE e.task_id = t.id AND e.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN'))))
      )
      UPDATE tasks t SET status = 'FAILED', phase = 'cancelled', version_id = new_version(),
        lease_owner = NULL, lease_until = NULL, run_at = NULL, waiting_on = NULL, turn = NULL,
        turn_agent = NULL, failure = $4, judged_at = now(), audit_id = $3
      FROM open o WHERE t.id = o.id
      RETURNING t.id, o.phase, t.attempt`,
    values: [tenantId, goalId, auditId, JSON.stringify(failure)],
  })
}

async function endGoal(
  tx: Sql,
  { tenantId, goalId }: Of,
  { ended, auditId }: { ended: number; auditId: string },
): Promise<void> {
  await tx.query({
    name: 'cancel-goal',
    text: `UPDATE goals SET status = 'CANCELLED', paused_from = NULL, version_id = new_version(),
        finished_at = now(), waiting_on = NULL, replan_at = NULL,
        lease_owner = NULL, lease_until = NULL,
        tasks_open = tasks_open - $3, tasks_failed = tasks_failed + $3, audit_id = $4
      WHERE tenant_id = $1 AND id = $2`,
    values: [tenantId, goalId, ended, auditId],
  })
}
