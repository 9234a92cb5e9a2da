import { newId } from '@chimera/contracts/ids'
import type { AttemptOutcome } from '@chimera/contracts/task-result'

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

/** What one attempt ended with. */
export type FinishedTask = HeldTask &
  Readonly<{
    outcome: AttemptOutcome
    /** SHA-256 of the canonical payload and outcome, for the audit entry. */
    inputHash: string
    outputHash: string
  }>

/**
 * Commits what attempts ended with: `IN_PROGRESS -> REVIEW/judging`, the outcome inserted beside
 * it. Conditional on version and owner: a Worker whose lease ran out and whose task was taken
 * loses, and its outcome is dropped. Returns the ids that were committed. One statement for the
 * batch.
 */
export async function commitResults(
  sql: Sql,
  of: { tasks: readonly FinishedTask[]; worker: string },
): Promise<{ committed: Set<string>; moves: TaskMove[] }> {
  const { tasks } = of
  if (tasks.length === 0) return { committed: new Set(), moves: [] }
  const rows = await sql.query<{ id: string }>({
    name: 'commit-results',
    text: COMMIT,
    values: [
      ...moveValues(of.worker),
      tasks.map((task) => task.id),
      tasks.map((task) => task.versionId),
      tasks.map(() => newId()),
      tasks.map((task) => JSON.stringify(task.outcome)),
      tasks.map(({ outcome }) => (outcome.outcome === 'result' ? outcome.result.confidence : null)),
      tasks.map((task) => task.inputHash),
      tasks.map((task) => task.outputHash),
    ],
  })
  return { committed: new Set(rows.map((row) => row.id)), moves: movesOf(rows) }
}

const COMMIT = `WITH held AS MATERIALIZED (
    SELECT t.id, t.tenant_id, u.fresh, u.outcome, u.confidence, u.input_hash, u.output_hash
    FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::jsonb[], $7::float8[], $8::text[],
      $9::text[]) AS u(id, version_id, fresh, outcome, confidence, input_hash, output_hash)
    JOIN tasks t ON t.id = u.id AND t.version_id = u.version_id
    WHERE ${IS_RUNNING} AND t.lease_owner = $1
    ORDER BY t.id
    FOR UPDATE OF t
  ), ${ENTRIES}, moved AS (
    UPDATE tasks t SET status = 'REVIEW', phase = 'judging', version_id = h.fresh,
      lease_owner = NULL, lease_until = NULL, confidence = h.confidence, result_at = now(),
      audit_id = e.audit_id
    FROM held h JOIN entries e USING (tenant_id)
    WHERE t.id = h.id
    RETURNING t.id, t.tenant_id, t.goal_id, t.attempt, h.outcome,
      jsonb_build_object('subject', 'task', 'id', t.id, 'attempt', t.attempt,
        'from', 'running', 'to', 'judging', 'input', h.input_hash, 'output', h.output_hash)
        AS item
  ), ${AUDITED}, results AS (
    INSERT INTO task_results (task_id, attempt, worker, outcome)
    SELECT id, attempt, $1, outcome FROM moved
  )
  SELECT id, tenant_id, goal_id, item FROM moved ORDER BY id`
