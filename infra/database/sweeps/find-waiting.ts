/**
 * Rows that wait for a doorbell, in pages. Every page follows the partial index of what is open and
 * never a primary key: in a record of a million finished rows the few that wait are at its far end.
 */
import type { TaskType } from '@chimera/contracts/agent-task'

import type { Sql } from '../open-database.ts'
import { IS_NOT_HELD } from '../tenancy/paused.ts'
import { LATE_AFTER_MS } from './read-overview.ts'

/**
 * `late`: those old enough that their doorbell should have been heard; `all`: every one; or those
 * older than a number of milliseconds.
 */
export type Which = 'late' | 'all' | { readonly olderThanMs: number }

/** A row that waits; `at`, since when, is text because a Date would lose its microseconds. */
export type Waiting = { id: string; tenantId: string; at: string }

/** A page of rows after the last one of the page before. */
export type Page = { which: Which; after: Waiting | null; limit: number }

const BEGINNING = '-infinity'
const NO_ID = '00000000-0000-0000-0000-000000000000'

/** $1 how old, $2 and $3 the last row of the page before, $4 how many. */
const page = (time: string, id: string) => `
  ${time} < now() - $1::float8 * interval '1 millisecond'
    AND ${time} >= $2::timestamptz AND (${time}, ${id}) > ($2::timestamptz, $3)
  ORDER BY ${time}, ${id} LIMIT $4`

const values = ({ which, after, limit }: Page): unknown[] => [
  ageOf(which),
  after?.at ?? BEGINNING,
  after?.id ?? NO_ID,
  limit,
]

/** Also rows from before the clock was put back. */
const EVEN_NEW_MS = -1e12

function ageOf(which: Which): number {
  if (which === 'all') return EVEN_NEW_MS
  return which === 'late' ? LATE_AFTER_MS : which.olderThanMs
}

/** Ready tasks that may be claimed now, of the given types. */
export function findReadyTasks(
  sql: Sql,
  of: Page & { types: readonly TaskType[] },
): Promise<Waiting[]> {
  const time = 'coalesce(t.run_at, t.ready_at)'
  return sql.query({
    text: `SELECT t.id, t.tenant_id AS "tenantId", ${time}::text AS at
      FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
      WHERE t.phase = 'ready' AND ${time} <= now() AND t.type = ANY ($5)
        AND g.status IN ('PLANNED', 'ACTIVE') AND ${IS_NOT_HELD} AND ${page(time, 't.id')}`,
    values: [...values(of), of.types],
  })
}

/** Goals that no Planner holds. */
export function findReceivedGoals(sql: Sql, of: Page): Promise<Waiting[]> {
  const { which, after, limit } = of
  return sql.query({
    text: `SELECT tenant_id AS "tenantId", id, received_at::text AS at FROM goals
      WHERE (status = 'RECEIVED' OR (status = 'ACTIVE' AND replan_at IS NOT NULL))
        AND (lease_until IS NULL OR lease_until < now())
        AND received_at < now() - $1::float8 * interval '1 millisecond'
        AND received_at >= $2::timestamptz
        AND (received_at, tenant_id, id) > ($2::timestamptz, $3::uuid, $4)
      ORDER BY received_at, tenant_id, id LIMIT $5`,
    values: [
      ageOf(which),
      after?.at ?? BEGINNING,
      after?.tenantId ?? NO_ID,
      after?.id ?? '',
      limit,
    ],
  })
}

/** Tasks that wait for a verdict and are due. */
export function findJudgingTasks(sql: Sql, of: Page): Promise<Waiting[]> {
  const time = 'coalesce(run_at, result_at)'
  return sql.query({
    text: `SELECT id, tenant_id AS "tenantId", ${time}::text AS at FROM tasks
      WHERE phase = 'judging' AND ${time} <= now() AND ${page(time, 'id')}`,
    values: values(of),
  })
}

/** Receipts that nobody has judged. They belong to no tenant before they are verified. */
export function findReceipts(sql: Sql, of: Page): Promise<Waiting[]> {
  return sql.query({
    text: `SELECT id, '' AS "tenantId", created_at::text AS at FROM receipts
      WHERE judged_at IS NULL AND ${page('created_at', 'id')}`,
    values: values(of),
  })
}

/** A grant that a Worker may still carry. */
export type WaitingGrant = Waiting & {
  grantId: string
  account: string
  tool: string
  jws: string
}

/** Grants that have not run out and are not being voided. */
export function findGrants(sql: Sql, of: Page): Promise<WaitingGrant[]> {
  return sql.query({
    text: `SELECT id, tenant_id AS "tenantId", granted_at::text AS at, grant_id AS "grantId",
        account, tool, grant_jws AS jws
      FROM effects
      WHERE state = 'GRANTED' AND NOT cancelling AND grant_expires_at >= now()
        AND grant_jws IS NOT NULL AND ${page('granted_at', 'id')}`,
    values: values(of),
  })
}

/** Goals whose Planner died: its lease ran out by the database clock. */
export function findLostPlans(
  sql: Sql,
  of: { limit: number },
): Promise<{ tenantId: string; id: string }[]> {
  return sql.query({
    text: `SELECT tenant_id AS "tenantId", id FROM goals
      WHERE (status = 'RECEIVED' OR (status = 'ACTIVE' AND replan_at IS NOT NULL))
        AND lease_until < now() ORDER BY received_at LIMIT $1`,
    values: [of.limit],
  })
}
