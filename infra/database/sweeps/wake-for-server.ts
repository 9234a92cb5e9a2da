import type { WokenTask } from '../fences/wake-waiting.ts'
import type { Database } from '../open-database.ts'
import { tenantsIn } from '../tenant-database.ts'
import type { SweptKey } from './read-swept.ts'

/** What the Judge says that a person could do about the waiting (`waiting_on.unblock`). */
const UNBLOCK = 'chimera tools ls'

/** Tasks of one statement, and so the most tenants that it sees. */
const PAGE = 500
/** More tasks than that are left to the time at which they were to be looked at anyway. */
const MAX_PAGES = 100

/**
 * Makes tasks of whatever tenant that wait because a tool server was closed due now; to be rung by
 * the caller, page by page. They would be looked at seconds later without it.
 */
export async function* wakeForServer(database: Database): AsyncGenerator<WokenTask[]> {
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const found = await database.query<SweptKey>({
      name: 'tasks-held',
      text: 'SELECT id, tenant_id AS "tenantId" FROM tasks_held($1, $2)',
      values: [UNBLOCK, PAGE],
    })
    if (found.length === 0) return
    const woken = await database.query<WokenTask>(
      {
        name: 'wake-for-server',
        text: `UPDATE tasks SET run_at = now(), version_id = new_version()
          WHERE id IN (
            SELECT id FROM tasks WHERE id = ANY($1::uuid[]) AND phase = 'judging'
              AND coalesce(run_at, result_at) > now() AND waiting_on ->> 'unblock' = $2
            ORDER BY id FOR UPDATE SKIP LOCKED)
          RETURNING id, tenant_id AS "tenantId"`,
        values: [found.map(({ id }) => id), UNBLOCK],
      },
      tenantsIn(found),
    )
    if (woken.length > 0) yield woken
    if (woken.length < PAGE) return
  }
}
