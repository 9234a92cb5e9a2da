import type { TaskType } from '@chimera/contracts/agent-task'

import type { Sql } from '../open-database.ts'
import { LATE_AFTER_MS } from './read-overview.ts'

/** A page of rows by id, after the last one of the page before. */
export type Page = { readonly after: string | null; readonly limit: number }

/** `late`: those old enough that their doorbell should have been heard; `all`: every one. */
export type Which = 'late' | 'all'

const late = (time: string) =>
  `($1 = 'all' OR ${time} < now() - interval '${LATE_AFTER_MS} milliseconds')`

/** Ready tasks that may be claimed now, of the given types. */
export function findReadyTasks(
  sql: Sql,
  of: Page & { which: Which; types: readonly TaskType[] },
): Promise<{ id: string }[]> {
  return sql.query({
    name: 'waiting-ready-tasks',
    text: `SELECT t.id FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
      WHERE t.phase = 'ready' AND coalesce(t.run_at, t.ready_at) <= now()
        AND ${late('coalesce(t.run_at, t.ready_at)')} AND t.type = ANY ($4)
        AND g.status IN ('PLANNED', 'ACTIVE') AND ($2::uuid IS NULL OR t.id > $2)
      ORDER BY t.id LIMIT $3`,
    values: [of.which, of.after, of.limit, of.types],
  })
}

/** Goals that no Planner holds. */
export function findReceivedGoals(
  sql: Sql,
  of: { which: Which; after: { tenantId: string; id: string } | null; limit: number },
): Promise<{ tenantId: string; id: string }[]> {
  return sql.query({
    name: 'waiting-goals',
    text: `SELECT tenant_id AS "tenantId", id FROM goals
      WHERE status = 'RECEIVED' AND (lease_until IS NULL OR lease_until < now())
        AND ${late('received_at')} AND ($2::uuid IS NULL OR (tenant_id, id) > ($2, $3))
      ORDER BY tenant_id, id LIMIT $4`,
    values: [of.which, of.after?.tenantId ?? null, of.after?.id ?? null, of.limit],
  })
}

/** Tasks that wait for a verdict and are due. */
export function findJudgingTasks(
  sql: Sql,
  of: Page & { which: Which },
): Promise<{ id: string; tenantId: string }[]> {
  return sql.query({
    name: 'waiting-judging-tasks',
    text: `SELECT id, tenant_id AS "tenantId" FROM tasks
      WHERE phase = 'judging' AND coalesce(run_at, result_at) <= now()
        AND ${late('coalesce(run_at, result_at)')} AND ($2::uuid IS NULL OR id > $2)
      ORDER BY id LIMIT $3`,
    values: [of.which, of.after, of.limit],
  })
}

/** Receipts that nobody has judged. */
export function findReceipts(sql: Sql, of: Page & { which: Which }): Promise<{ id: string }[]> {
  return sql.query({
    name: 'waiting-receipts',
    text: `SELECT id FROM receipts WHERE judged_at IS NULL
        AND ${late('created_at')} AND ($2::uuid IS NULL OR id > $2)
      ORDER BY id LIMIT $3`,
    values: [of.which, of.after, of.limit],
  })
}

/** A grant that a Worker may still carry. */
export type WaitingGrant = {
  id: string
  tenantId: string
  grantId: string
  account: string
  tool: string
  jws: string
}

/** Grants that have not run out and are not being voided. */
export function findGrants(sql: Sql, of: Page & { which: Which }): Promise<WaitingGrant[]> {
  return sql.query({
    name: 'waiting-grants',
    text: `SELECT id, tenant_id AS "tenantId", grant_id AS "grantId", account, tool,
        grant_jws AS jws
      FROM effects
      WHERE state = 'GRANTED' AND NOT cancelling AND grant_expires_at >= now()
        AND grant_jws IS NOT NULL AND ${late('granted_at')} AND ($2::uuid IS NULL OR id > $2)
      ORDER BY id LIMIT $3`,
    values: [of.which, of.after, of.limit],
  })
}

/** Goals whose Planner died: its lease ran out by the database clock. */
export function findLostPlans(
  sql: Sql,
  of: { limit: number },
): Promise<{ tenantId: string; id: string }[]> {
  return sql.query({
    name: 'lost-plans',
    text: `SELECT tenant_id AS "tenantId", id FROM goals
      WHERE status = 'RECEIVED' AND lease_until < now() ORDER BY lease_until LIMIT $1`,
    values: [of.limit],
  })
}
