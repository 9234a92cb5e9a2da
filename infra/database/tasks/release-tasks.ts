import { newId } from '@chimera/contracts/ids'

import type { Sql } from '../open-database.ts'
import {
  AUDITED,
  ENTRIES,
  IS_RUNNING,
  movesOf,
  moveValues,
  type TaskMove,
} from './audited-moves.ts'
import type { HeldTask } from './renew-leases.ts'

/** A claimed task that goes back without a result. */
export type ReleasedTask = HeldTask &
  Readonly<{
    /** From now by the database clock; undefined: at once, and nothing is waited for. */
    delayMs?: number
    /** True for a RetryableError of the task's own; a cooldown and a drain spend nothing. */
    spendsRetry: boolean
    /** For people, and for the audit entry. */
    reason: string
  }>

/**
 * Puts claimed tasks back: `IN_PROGRESS -> PENDING/ready`, with `run_at` when they have to wait.
 * Conditional on version and owner; returns the ids that went back, the others are somebody else's.
 */
export async function releaseTasks(
  sql: Sql,
  of: { tasks: readonly ReleasedTask[]; worker: string },
): Promise<{ released: Set<string>; moves: TaskMove[] }> {
  const { tasks } = of
  if (tasks.length === 0) return { released: new Set(), moves: [] }
  const rows = await sql.query<{ id: string }>({
    name: 'release-tasks',
    text: RELEASE,
    values: [
      ...moveValues(of.worker),
      tasks.map((task) => task.id),
      tasks.map((task) => task.versionId),
      tasks.map(() => newId()),
      tasks.map((task) => task.delayMs ?? null),
      tasks.map((task) => task.spendsRetry),
      tasks.map((task) => task.reason.slice(0, MAX_REASON)),
    ],
  })
  return { released: new Set(rows.map((row) => row.id)), moves: movesOf(rows) }
}

/** WaitingOn.reason and AuditItem.note take no more. */
const MAX_REASON = 500

const RELEASE = `WITH held AS MATERIALIZED (
    SELECT t.id, t.tenant_id, u.fresh, u.spends, u.reason,
      now() + u.delay_ms * interval '1 millisecond' AS due
    FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::float8[], $7::boolean[], $8::text[])
      AS u(id, version_id, fresh, delay_ms, spends, reason)
    JOIN tasks t ON t.id = u.id AND t.version_id = u.version_id
    WHERE ${IS_RUNNING} AND t.lease_owner = $1
    ORDER BY t.id
    FOR UPDATE OF t
  ), ${ENTRIES}, moved AS (
    UPDATE tasks t SET status = 'PENDING', phase = 'ready', version_id = h.fresh,
      lease_owner = NULL, lease_until = NULL, run_at = h.due,
      retries = t.retries + h.spends::int, audit_id = e.audit_id,
      waiting_on = CASE WHEN h.due IS NOT NULL THEN jsonb_build_object(
        'reason', h.reason, 'unblock', NULL,
        'until', to_char(h.due AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END
    FROM held h JOIN entries e USING (tenant_id)
    WHERE t.id = h.id
    RETURNING t.id, t.tenant_id, t.goal_id,
      jsonb_build_object('subject', 'task', 'id', t.id, 'attempt', t.attempt,
        'from', 'running', 'to', 'ready', 'note', h.reason) AS item
  ), ${AUDITED}
  SELECT * FROM moved ORDER BY id`
