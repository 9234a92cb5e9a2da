import type { Sql } from '../open-database.ts'

/** A task whose `run_at` has come. */
export type DueTask = {
  id: string
  tenantId: string
  phase: 'ready' | 'judging'
  /** Milliseconds since 1970, by the database clock: with the id it names this one waiting. */
  runAtMs: number
}

/**
 * Tasks of whatever tenant whose time has come within the last `withinMs`, the longest overdue
 * first, at most `limit`. The window keeps the look cheap beside a long queue of tasks that were
 * never put off.
 */
export function findDueTasks(
  sql: Sql,
  of: { withinMs: number; limit: number },
): Promise<DueTask[]> {
  return sql.query({
    name: 'tasks-due',
    text: `SELECT id, tenant_id AS "tenantId", phase, run_at_ms AS "runAtMs"
      FROM tasks_due($1, $2)`,
    values: [of.withinMs, of.limit],
  })
}
