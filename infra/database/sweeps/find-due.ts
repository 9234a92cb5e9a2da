import type { Sql } from '../open-database.ts'

/** A task whose `run_at` has come. */
export type DueTask = {
  id: string
  tenantId: string
  phase: 'ready' | 'judging'
  /** Milliseconds since 1970, by the database clock: with the id it names this one waiting. */
  runAtMs: number
}

/** Tasks whose time has come, the longest overdue first, at most `limit`. */
export function findDueTasks(sql: Sql, of: { limit: number }): Promise<DueTask[]> {
  // Both conditions: the index is on the expression, and a task without run_at was never put off.
  return sql.query({
    name: 'due-tasks',
    text: `SELECT * FROM (
        SELECT t.id, t.tenant_id AS "tenantId", t.phase,
          (extract(epoch FROM t.run_at) * 1000)::float8 AS "runAtMs"
        FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
        WHERE t.phase = 'ready' AND t.run_at <= now() AND coalesce(t.run_at, t.ready_at) <= now()
          AND g.status IN ('PLANNED', 'ACTIVE')
        UNION ALL
        SELECT id, tenant_id, phase, (extract(epoch FROM run_at) * 1000)::float8
        FROM tasks
        WHERE phase = 'judging' AND run_at <= now() AND coalesce(run_at, result_at) <= now()
      ) AS due ORDER BY "runAtMs", id LIMIT $1`,
    values: [of.limit],
  })
}
