import type { Sql } from '../open-database.ts'

/** A task that may be judged again now. */
export type WokenTask = { readonly id: string; readonly tenantId: string }

/** By what the Judge says that a person could do about the waiting (`waiting_on.unblock`). */
const UNBLOCKS = { stop: 'chimera resume' } as const

/** A stop, or a pause by the command that ends it and its tenant. */
export type WhatHeld =
  | keyof typeof UNBLOCKS
  | { readonly command: string; readonly tenantId: string }

/** Tasks of one statement. */
const PAGE = 500
/** More tasks than that are left to the time at which they were to be looked at anyway. */
const MAX_PAGES = 100

/**
 * Makes tasks that wait because of a stop or a pause due now; to be rung by the caller, page by
 * page. They would be looked at seconds later without it.
 */
export async function* wakeWaiting(sql: Sql, of: { for: WhatHeld }): AsyncGenerator<WokenTask[]> {
  const { command, tenantId } =
    typeof of.for === 'string' ? { command: UNBLOCKS[of.for], tenantId: null } : of.for
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const woken = await sql.query<WokenTask>({
      name: 'wake-waiting',
      text: `UPDATE tasks SET run_at = now(), version_id = new_version()
        WHERE id IN (
          SELECT id FROM tasks WHERE phase = 'judging' AND coalesce(run_at, result_at) > now()
            AND waiting_on ->> 'unblock' = $1 AND ($2::uuid IS NULL OR tenant_id = $2)
          ORDER BY coalesce(run_at, result_at) LIMIT ${PAGE} FOR UPDATE SKIP LOCKED)
        RETURNING id, tenant_id AS "tenantId"`,
      values: [command, tenantId],
    })
    if (woken.length > 0) yield woken
    if (woken.length < PAGE) return
  }
}
