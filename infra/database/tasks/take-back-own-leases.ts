import type { TaskType } from '@chimera/contracts/agent-task'
import { newId } from '@chimera/contracts/ids'

import type { Sql } from '../open-database.ts'
import { AUDITED, ENTRIES, movesOf, moveValues, type TaskMove } from './audited-moves.ts'

/** A task that was this consumer's before it died. */
export type TakenBack = Readonly<{ id: string; type: TaskType }>

/**
 * What a consumer of this name had claimed before it died goes back to `PENDING/ready`, at most
 * `limit` tasks a call, and counts one lost lease. To be called at the start only, before
 * anything is claimed: under one name there is one process.
 */
export async function takeBackOwnLeases(
  sql: Sql,
  of: { worker: string; limit: number },
): Promise<{ tasks: TakenBack[]; moves: TaskMove[] }> {
  const rows = await sql.query<{ id: string; type: TaskType }>({
    text: `WITH held AS MATERIALIZED (
        SELECT id, tenant_id, u.version_id
        FROM (SELECT id, tenant_id, row_number() OVER (ORDER BY id) AS n FROM tasks
          WHERE status = 'IN_PROGRESS' AND lease_owner = $1 ORDER BY id LIMIT $4) AS own
        JOIN unnest($3::uuid[]) WITH ORDINALITY AS u(version_id, n) USING (n)
      ), ${ENTRIES}, moved AS (
        UPDATE tasks t SET status = 'PENDING', phase = 'ready', version_id = h.version_id,
          lease_owner = NULL, lease_until = NULL, leases_lost = t.leases_lost + 1,
          audit_id = e.audit_id
        FROM held h JOIN entries e USING (tenant_id)
        WHERE t.id = h.id AND t.status = 'IN_PROGRESS' AND t.lease_owner = $1
        RETURNING t.id, t.tenant_id, t.goal_id, t.type,
          jsonb_build_object('subject', 'task', 'id', t.id, 'attempt', t.attempt,
            'from', 'running', 'to', 'ready', 'note', 'LEASE_TAKEN_BACK') AS item
      ), ${AUDITED}
      SELECT * FROM moved ORDER BY id`,
    values: [...moveValues(of.worker), Array.from({ length: of.limit }, () => newId()), of.limit],
  })
  return { tasks: rows.map(({ id, type }) => ({ id, type })), moves: movesOf(rows) }
}
