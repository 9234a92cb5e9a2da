import { newId } from '@chimera/contracts/ids'
import { AuditItem, type NotedItem } from '@chimera/contracts/trail/audit'
import { z } from 'zod'

import { inState } from '../in-state.ts'

/**
 * Pieces of the statements that move tasks. Each such statement is alone in its transaction:
 * `held` locks the rows in the order of their ids, `moved` updates them, `audited` writes one
 * audit entry per tenant that they name. One statement instead of several: a batch of tasks costs
 * one round trip, and those of BEGIN, which says whose rows they are, and COMMIT.
 *
 * $1 is the actor (the Worker's name), $2 a fresh id for an audit entry; see `moveValues`.
 */

/** A task `t` that runs. */
export const IS_RUNNING = inState('t.status', 'IN_PROGRESS')

/**
 * Needs `held` with tenant_id. Batches are of one tenant almost always: only others get ids here.
 */
export const ENTRIES = `entries AS MATERIALIZED (
    SELECT tenant_id,
      CASE WHEN row_number() OVER (ORDER BY tenant_id) = 1 THEN $2::uuid
        ELSE new_version() END AS audit_id
    FROM held GROUP BY tenant_id
  )`

/** Needs `moved` with tenant_id, id and item. */
export const AUDITED = `audited AS (
    INSERT INTO audit_entries (id, tenant_id, actor, items)
    SELECT e.audit_id, e.tenant_id, $1, jsonb_agg(m.item ORDER BY m.id)
    FROM moved m JOIN entries e USING (tenant_id)
    GROUP BY e.audit_id, e.tenant_id
  )`

/** The values of $1 and $2. */
export const moveValues = (actor: string): [string, string] => [actor, newId()]

/** A transition as the statement wrote it into the audit entry, for the feed after the commit. */
export const MovedItem = z.object({
  tenant_id: z.string(),
  goal_id: z.string(),
  item: AuditItem,
})

/** One transition of a committed move. */
export type TaskMove = NotedItem

/** Reads the transitions of returned rows. */
export function movesOf(rows: readonly unknown[]): TaskMove[] {
  return rows.map((row) => {
    const { tenant_id: tenantId, goal_id: goalId, item } = MovedItem.parse(row)
    return { tenantId, item, goalId }
  })
}
