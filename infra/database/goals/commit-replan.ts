import type { ErrorCode } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'
import type { PlanToCommit } from './commit-plans.ts'
import { insertDependencies, insertTasks } from './insert-tasks.ts'

/** What became of a goal that wanted another plan, and the version that it was leased with. */
export type Replan = {
  readonly tenantId: string
  readonly goalId: string
  readonly versionId: string
  /** The plan that ended. */
  readonly plansEnded: number
} & (
  | {
      readonly plan: PlanToCommit
      readonly ended: {
        readonly shape: string
        readonly failures: readonly { readonly code: string; readonly argsHash: string }[]
        readonly tasksCompleted: number
        readonly costUsdMicros: bigint
      }
      /** Why there is another plan. */
      readonly reason: string
    }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string } }
  | { readonly person: { readonly reason: string; readonly unblock: string } }
)

/**
 * Commits what became of one goal within the caller's transaction; the caller appends the audit. A
 * further plan brings tasks and no slots: those of the first plan stay as they are. Conditional on
 * the version of the goal; answers false when somebody moved it in between, and then nothing of the
 * plan is written.
 */
export async function commitReplan(tx: Sql, of: Replan, audit: AuditDraft): Promise<boolean> {
  const { tenantId, goalId: id, plansEnded } = of
  if ('failure' in of) {
    const { code, message } = of.failure
    const failed = await move(tx, of, audit, {
      text: `status = 'FAILED', finished_at = now(), failure = $5, replan_at = NULL,
        waiting_on = NULL`,
      values: [JSON.stringify({ code, message })],
    })
    if (failed)
      audit.add(tenantId, { subject: 'goal', id, from: 'ACTIVE', to: 'FAILED', note: code })
    return failed
  }
  if ('person' in of) {
    const waiting = { reason: of.person.reason, until: null, unblock: of.person.unblock }
    const note = of.person.reason.slice(0, 500)
    const waits = await move(tx, of, audit, {
      text: 'replan_at = NULL, waiting_on = $5',
      values: [JSON.stringify(waiting)],
    })
    if (waits) audit.add(tenantId, { subject: 'goal', id, from: 'ACTIVE', to: 'ACTIVE', note })
    return waits
  }
  const { plan, ended } = of
  const won = await move(tx, of, audit, {
    text: `plan = plan + 1, plan_hash = $5, planner = $6, planned_at = now(), failure = NULL,
      replan_at = NULL, replan_cause = NULL, replan_allowed_by = NULL, waiting_on = NULL,
      tasks_total = tasks_total + $7, tasks_open = $7, tasks_failed = 0`,
    values: [plan.hash, plan.planner, plan.tasks.length],
  })
  if (!won) return false
  await tx.query({
    text: `INSERT INTO goal_replans
        (tenant_id, goal_id, plan, shape, failures, tasks_completed, cost_usd_micros)
      VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    values: [
      tenantId,
      id,
      plansEnded,
      ended.shape,
      JSON.stringify(ended.failures),
      ended.tasksCompleted,
      ended.costUsdMicros.toString(),
    ],
  })
  const tasks = plan.tasks.map((task) => ({ ...task, tenantId, goalId: id, plan: plansEnded + 1 }))
  await insertTasks(tx, tasks, audit)
  await insertDependencies(tx, plan.tasks)
  const note = `plan ${plansEnded + 1} by ${plan.planner}: ${of.reason}`.slice(0, 500)
  audit.add(tenantId, {
    subject: 'goal',
    id,
    from: 'ACTIVE',
    to: 'ACTIVE',
    output: plan.hash,
    note,
  })
  for (const { id: taskId, dependsOn } of plan.tasks) {
    const to = dependsOn.length === 0 ? 'ready' : 'blocked'
    audit.add(tenantId, { subject: 'task', id: taskId, from: null, to }, id)
  }
  return true
}

/** Sets columns of the goal, $5 and on, by compare-and-set. */
async function move(
  tx: Sql,
  { tenantId, goalId, versionId }: Replan,
  audit: AuditDraft,
  set: { text: string; values: readonly unknown[] },
): Promise<boolean> {
  const rows = await tx.query({
    text: `UPDATE goals SET version_id = $4, audit_id = '${audit.idFor(tenantId)}',
        lease_owner = NULL, lease_until = NULL, ${set.text}
      WHERE tenant_id = $1 AND id = $2 AND version_id = $3 AND status = 'ACTIVE'
        AND replan_at IS NOT NULL RETURNING id`,
    values: [tenantId, goalId, versionId, newId(), ...set.values],
  })
  return rows.length > 0
}

/**
 * A person lets a goal be planned again although effects of it may have happened. Answers false
 * when it does not wait for that.
 */
export async function allowReplan(
  tx: Sql,
  of: { tenantId: string; goalId: string; actor: string },
  audit: AuditDraft,
): Promise<boolean> {
  const rows = await tx.query({
    text: `UPDATE goals SET version_id = $3, replan_allowed_by = $4, replan_at = now(),
        waiting_on = NULL, audit_id = $5
      WHERE tenant_id = $1 AND id = $2 AND status = 'ACTIVE' AND replan_cause IS NOT NULL
        AND replan_at IS NULL AND tasks_open = 0 RETURNING id`,
    values: [of.tenantId, of.goalId, newId(), of.actor, audit.idFor(of.tenantId)],
  })
  if (rows.length === 0) return false
  const note = 'another plan is allowed'
  audit.add(of.tenantId, { subject: 'goal', id: of.goalId, from: 'ACTIVE', to: 'ACTIVE', note })
  return true
}
