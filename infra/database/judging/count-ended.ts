import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'

/** A goal to ring the Planner for. */
export type GoalToReplan = { tenantId: string; id: string }

/** A task that has ended, for its goal's counters. */
export type Ended = {
  tenantId: string
  goalId: string
  failure: { readonly code: string; readonly message: string } | null
  /** The task, when the Judge has rejected it for good: another plan may do better. */
  rejectedId?: string
}

/**
 * `locked` brings along what was given: a list joined to itself is compared row by row with each of
 * its rows where PostgreSQL takes it for short.
 */
const COUNT_ENDED = `WITH u AS (
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::jsonb[], $6::uuid[],
          $7::jsonb[])
          AS u(tenant_id, id, ended, failed, failure, audit_id, cause)
      ), counted AS (
        SELECT g.tenant_id, g.id, u.ended, u.failed, u.failure, u.audit_id, g.status AS was,
          coalesce(g.replan_cause, u.cause) AS cause, g.planner,
          g.tasks_failed + u.failed AS failures,
          g.tasks_open = u.ended AND g.status IN ('RECEIVED', 'PLANNED', 'ACTIVE') AS is_last
        FROM goals g JOIN u USING (tenant_id, id) ORDER BY g.tenant_id, g.id FOR UPDATE OF g
      ), locked AS (
        SELECT *, is_last AND NOT wants AS ends FROM (
          SELECT *, coalesce(is_last AND was = 'ACTIVE' AND failures > 0 AND cause IS NOT NULL
            AND planner NOT LIKE 'rules@%', false) AS wants FROM counted) AS c
      )
      UPDATE goals g SET version_id = new_version(), tasks_open = g.tasks_open - l.ended,
        tasks_failed = g.tasks_failed + l.failed,
        status = CASE WHEN NOT l.ends THEN g.status
          WHEN g.tasks_failed + l.failed > 0 THEN 'FAILED' ELSE 'COMPLETED' END,
        finished_at = CASE WHEN l.ends THEN now() ELSE g.finished_at END,
        failure = coalesce(g.failure, l.failure), audit_id = l.audit_id,
        replan_cause = l.cause, replan_at = CASE WHEN l.wants THEN now() ELSE g.replan_at END
      FROM locked l WHERE g.tenant_id = l.tenant_id AND g.id = l.id
      RETURNING g.tenant_id, g.id, g.status, l.was, l.wants`

/**
 * Goals count their ended tasks; the last one ends the goal. A cancelled goal only counts. A goal
 * whose plan failed by a rejection goes back to its Planner, unless that plans by rules alone and
 * would say the same again.
 */
export async function countEnded(
  tx: Sql,
  ended: readonly Ended[],
  audit: AuditDraft,
): Promise<GoalToReplan[]> {
  if (ended.length === 0) return []
  const goals = new Map<string, Ended & { ended: number; failed: number }>()
  for (const task of ended) {
    const key = `${task.tenantId} ${task.goalId}`
    const sum = goals.get(key) ?? { ...task, failure: null, ended: 0, failed: 0 }
    sum.ended += 1
    if (task.failure !== null) sum.failed += 1
    if (task.rejectedId !== undefined) sum.rejectedId = task.rejectedId
    // The cause, not its consequences, is what a person wants to read.
    if (sum.failure === null || sum.failure.code === 'PARENT_FAILED') sum.failure = task.failure
    goals.set(key, sum)
  }
  const sums = [...goals.values()]
  const rows = await tx.query<{
    tenant_id: string
    id: string
    status: string
    was: string
    wants: boolean
  }>({
    name: 'count-ended',
    text: COUNT_ENDED,
    values: [
      sums.map((sum) => sum.tenantId),
      sums.map((sum) => sum.goalId),
      sums.map((sum) => sum.ended),
      sums.map((sum) => sum.failed),
      sums.map((sum) => (sum.failure === null ? null : JSON.stringify(sum.failure))),
      sums.map((sum) => audit.idFor(sum.tenantId)),
      sums.map(({ rejectedId }) =>
        rejectedId === undefined ? null : JSON.stringify({ task_id: rejectedId }),
      ),
    ],
  })
  for (const row of rows) {
    if (row.status === row.was) continue
    const note = goals.get(`${row.tenant_id} ${row.id}`)?.failure?.code
    audit.add(row.tenant_id, {
      subject: 'goal',
      id: row.id,
      from: row.was,
      to: row.status,
      ...(note === undefined ? {} : { note }),
    })
  }
  return rows.flatMap((row) => (row.wants ? { tenantId: row.tenant_id, id: row.id } : []))
}
