import { newId } from '@chimera/contracts/ids'

import { inState } from '../in-state.ts'
import type { Sql } from '../open-database.ts'
import { type Caps, FLYING } from './caps.ts'

/** When nobody has to look at a task whose turn is awaited: `run_at` in all statements. */
export const FAR_OFF = `'9999-12-31T00:00:00Z'::timestamptz`

/** Shown while no cap is what holds a task back. */
export const ITS_TURN = 'its turn: many tasks of its tenant are ready'

/**
 * What a task `t` waits for. That it waits for its turn stands in `turn` already, and is not
 * written into each of a hundred thousand rows once more.
 */
export const WAITS_ON = `coalesce(t.waiting_on, CASE WHEN t.turn IS NOT NULL
  THEN '{"reason": "${ITS_TURN}", "until": null, "unblock": null}'::jsonb END)`

/** A task that cannot be claimed now, and its head start (domain/turns). */
export type LateTask = Readonly<{ id: string; headStartMs: number }>

/**
 * Lets ready tasks wait for their turn, because a cap or a Worker's full hands keep them from
 * being claimed. Those that moved in between are left alone. It is no transition: no audit is
 * written, and whoever claims them finds them `ready`.
 */
export async function letWait(
  sql: Sql,
  of: { tasks: readonly LateTask[]; caps: Caps },
): Promise<void> {
  const { tasks, caps } = of
  if (tasks.length === 0) return
  await sql.query({
    name: 'let-wait',
    text: LET_WAIT,
    values: [
      tasks.map(({ id }) => id),
      tasks.map(() => newId()),
      tasks.map(({ headStartMs }) => headStartMs),
      caps.agent,
      caps.tenant,
      atCap('agent', caps.agent),
      atCap('tenant', caps.tenant),
    ],
  })
}

const atCap = (who: string, most: number): string =>
  `${who} at ${most.toLocaleString('en-US')} tasks in flight`

const LET_WAIT = `WITH held AS MATERIALIZED (
    SELECT t.id, t.tenant_id, u.version_id, u.head_start_ms, g.agent_id
    FROM unnest($1::uuid[], $2::uuid[], $3::float8[]) AS u(id, version_id, head_start_ms)
    JOIN tasks t ON t.id = u.id
    JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
    WHERE ${inState('t.phase', 'ready')} AND t.turn IS NULL
      AND (t.run_at IS NULL OR t.run_at <= now())
    ORDER BY t.id
    FOR UPDATE OF t
  ), flying AS MATERIALIZED (${FLYING}), reasons AS (
    SELECT h.*, CASE
      WHEN (SELECT n FROM flying f WHERE f.tenant_id = h.tenant_id AND f.agent_id = h.agent_id)
        >= $4 THEN $6
      WHEN (SELECT sum(n) FROM flying f WHERE f.tenant_id = h.tenant_id) >= $5 THEN $7
      ELSE '${ITS_TURN}' END AS reason
    FROM held h
  )
  UPDATE tasks t SET version_id = r.version_id, turn_agent = r.agent_id, run_at = ${FAR_OFF},
    turn = coalesce(t.run_at, t.ready_at) - r.head_start_ms * interval '1 millisecond',
    waiting_on = jsonb_build_object('reason', r.reason, 'until', NULL, 'unblock', NULL)
  FROM reasons r WHERE t.id = r.id`
