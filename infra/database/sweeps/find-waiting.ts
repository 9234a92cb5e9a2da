/**
 * Rows of whatever tenant that wait for a doorbell, in pages: their keys, which functions answer
 * (migration 0018). Every page follows the partial index of what is open and never a primary key:
 * in a record of a million finished rows the few that wait are at its far end.
 */
import type { TaskType } from '@chimera/contracts/agent-task'

import { inState } from '../in-state.ts'
import type { Database, Sql } from '../open-database.ts'
import { BEGINNING, NO_ID, readSwept, type FoundKey, type SweptKey } from './read-swept.ts'

/** Every row that waits, or those older than a number of milliseconds. */
export type Which = 'all' | { readonly olderThanMs: number }

/** A row that waits. */
export type Waiting = FoundKey

/** A page of rows after the last one of the page before. */
export type Page = { which: Which; after: Waiting | null; limit: number }

const values = ({ which, after, limit }: Page): unknown[] => [
  ageOf(which),
  after?.at ?? BEGINNING,
  after?.id ?? NO_ID,
  limit,
]

/** Also rows from before the clock was put back. */
const EVEN_NEW_MS = -1e12

const ageOf = (which: Which): number => (which === 'all' ? EVEN_NEW_MS : which.olderThanMs)

/** Ready tasks that may be claimed now, of the given types. */
export function findReadyTasks(
  sql: Sql,
  of: Page & { types: readonly TaskType[] },
): Promise<Waiting[]> {
  return sql.query({
    text: `SELECT id, tenant_id AS "tenantId", at FROM tasks_ready($1, $2, $3, $4, $5)`,
    values: [of.types, ...values(of)],
  })
}

/** Goals that no Planner holds. */
export function findReceivedGoals(sql: Sql, of: Page): Promise<Waiting[]> {
  const { which, after, limit } = of
  return sql.query({
    text: `SELECT id, tenant_id AS "tenantId", at FROM goals_received($1, $2, $3, $4, $5)`,
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
  return sql.query({
    text: `SELECT id, tenant_id AS "tenantId", at FROM tasks_to_judge($1, $2, $3, $4)`,
    values: values(of),
  })
}

/** Receipts that nobody has judged. They belong to no tenant before they are verified. */
export function findReceipts(sql: Sql, of: Page): Promise<Waiting[]> {
  return sql.query({
    text: `SELECT id, '' AS "tenantId", at FROM receipts_to_judge($1, $2, $3, $4)`,
    values: values(of),
  })
}

/** Effects whose grants have not run out and are not being voided. */
export function findGrants(sql: Sql, of: Page): Promise<Waiting[]> {
  return sql.query({
    text: `SELECT id, tenant_id AS "tenantId", at FROM grants_to_carry($1, $2, $3, $4)`,
    values: values(of),
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

/** Reads grants that were found to wait, as their tenants; what was settled since is left out. */
export function loadWaitingGrants(
  database: Database,
  found: readonly SweptKey[],
): Promise<WaitingGrant[]> {
  return readSwept(database, found, (ids) => ({
    name: 'waiting-grants',
    text: `SELECT id, tenant_id AS "tenantId", grant_id AS "grantId", account, tool,
        grant_jws AS jws
      FROM effects e
      WHERE id = ANY($1::uuid[]) AND ${inState('e.state', 'GRANTED')} AND NOT cancelling
        AND grant_jws IS NOT NULL ORDER BY granted_at, id`,
    values: [ids],
  }))
}

/** Goals whose Planner died: its lease ran out by the database clock. */
export function findLostPlans(
  sql: Sql,
  of: { limit: number },
): Promise<{ tenantId: string; id: string }[]> {
  return sql.query({
    text: 'SELECT tenant_id AS "tenantId", id FROM plans_lost($1)',
    values: [of.limit],
  })
}
