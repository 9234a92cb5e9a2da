import type { QueryResultRow } from 'pg'

import type { Database, Statement } from '../open-database.ts'
import { tenantsIn } from '../tenant-database.ts'

/** What a sweep learns of a row before it may see it: whose it is, and which. */
export type SweptKey = Readonly<{ id: string; tenantId: string }>

/** A key that was found, and since when it waits: text, because a Date would lose microseconds. */
export type FoundKey = SweptKey & Readonly<{ at: string }>

/** A page of what a sweep finds: so many keys, behind the last one of the page before. */
export type SweepPage = { limit: number; after?: FoundKey | null }

/** Before every row, and before every id. */
export const BEGINNING = '-infinity'
export const NO_ID = '00000000-0000-0000-0000-000000000000'

/** Rows that are read at once, and so the most tenants that are seen at once. */
const PAGE = 500

/**
 * Reads rows that a sweep has found by their keys, page by page as their tenants. What has moved
 * since is for the statement to leave out.
 */
export async function readSwept<Row extends QueryResultRow>(
  database: Database,
  keys: readonly SweptKey[],
  statementFor: (ids: readonly string[]) => Statement,
): Promise<Row[]> {
  const rows: Row[] = []
  for (let from = 0; from < keys.length; from += PAGE) {
    const page = keys.slice(from, from + PAGE)
    const statement = statementFor(page.map(({ id }) => id))
    rows.push(...(await database.query<Row>(statement, tenantsIn(page))))
  }
  return rows
}

/** Functions of migration 0018 that answer keys of what is due, and nothing else of it. */
type Reading = 'grants_ending' | 'settlements_open'
type Moving =
  | 'leases_lost'
  | 'grants_dead'
  | 'approvals_late'
  | 'calls_lapsed'
  | 'tasks_held'
  | 'memories_due'

/** Finds the keys of what is to be read, of whatever tenant. */
export const findSwept = (
  database: Database,
  of: { by: Reading; limit: number },
): Promise<SweptKey[]> =>
  database.query({
    name: of.by,
    text: `SELECT id, tenant_id AS "tenantId" FROM ${of.by}($1)`,
    values: [of.limit],
  })

/**
 * Finds a page of keys of what is to be moved, of whatever tenant, the longest due first. `after`
 * is where the next page begins, null when this was the last: what somebody else has locked is in
 * its page and stays, and hides nothing that is behind it.
 */
export async function findSweptPage(
  database: Database,
  of: SweepPage & { by: Moving },
): Promise<{ found: FoundKey[]; after: FoundKey | null }> {
  const found = await database.query<FoundKey>({
    name: of.by,
    text: `SELECT id, tenant_id AS "tenantId", at FROM ${of.by}($1, $2, $3)`,
    values: [of.after?.at ?? BEGINNING, of.after?.id ?? NO_ID, of.limit],
  })
  return { found, after: found.length < of.limit ? null : (found.at(-1) ?? null) }
}
