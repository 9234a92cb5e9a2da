import type { WokenTask } from '../fences/wake-waiting.ts'
import { inState } from '../in-state.ts'
import type { Database } from '../open-database.ts'
import { tenantsIn } from '../tenant-database.ts'
import { findSweptPage, type FoundKey } from './read-swept.ts'

/** Tasks of one statement, and so the most tenants that it sees. */
const PAGE = 500
/** More tasks than that are left to the time at which they were to be looked at anyway. */
const MAX_PAGES = 100

/**
 * Makes tasks of whatever tenant that wait because a tool server was closed due now; to be rung by
 * the caller, page by page. They would be looked at seconds later without it.
 */
export async function* wakeForServer(database: Database): AsyncGenerator<WokenTask[]> {
  let behind: FoundKey | null = null
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { found, after } = await findSweptPage(database, {
      by: 'tasks_held',
      limit: PAGE,
      after: behind,
    })
    if (found.length === 0) return
    const woken = await database.query<WokenTask>(
      {
        name: 'wake-for-server',
        text: `UPDATE tasks SET run_at = now(), version_id = new_version()
          WHERE id IN (
            SELECT id FROM tasks t WHERE id = ANY($1::uuid[]) AND ${inState('t.phase', 'judging')}
              AND coalesce(run_at, result_at) > now()
              AND waiting_on ->> 'unblock' = 'chimera tools ls'
            ORDER BY id FOR UPDATE SKIP LOCKED)
          RETURNING id, tenant_id AS "tenantId"`,
        values: [found.map(({ id }) => id)],
      },
      tenantsIn(found),
    )
    if (woken.length > 0) yield woken
    if (after === null) return
    behind = after
  }
}
