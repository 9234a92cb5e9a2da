import type { Sql } from '../open-database.ts'
import { IS_NOT_HELD } from '../tenancy/paused.ts'

/** A task whose `run_at` has come. */
export type DueTask = {
  id: string
  tenantId: string
  phase: 'ready' | 'judging'
  /** Milliseconds since 1970, by the database clock: with the id it names this one waiting. */
  runAtMs: number
}

/**
 * Tasks whose time has come within the last `withinMs`, the longest overdue first, at most `limit`.
 * The window keeps the look cheap beside a long queue of tasks that were never put off.
 */
export function findDueTasks(
  sql: Sql,
  of: { withinMs: number; limit: number },
): Promise<DueTask[]> {
  const inWindow = (time: string) =>
    `${time} <= now() AND ${time} > now() - $1 * interval '1 millisecond'`
  return sql.query({
    text: `SELECT * FROM (
        SELECT t.id, t.tenant_id AS "tenantId", t.phase,
          (extract(epoch FROM t.run_at) * 1000)::float8 AS "runAtMs"
        FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
        WHERE t.phase = 'ready' AND t.run_at IS NOT NULL
          AND ${inWindow('coalesce(t.run_at, t.ready_at)')} AND g.status IN ('PLANNED', 'ACTIVE')
          AND ${IS_NOT_HELD}
        UNION ALL
        SELECT id, tenant_id, phase, (extract(epoch FROM run_at) * 1000)::float8
        FROM tasks
        WHERE phase = 'judging' AND run_at IS NOT NULL
          AND ${inWindow('coalesce(run_at, result_at)')}
      ) AS due ORDER BY "runAtMs", id LIMIT $2`,
    values: [of.withinMs, of.limit],
  })
}
