import type { QueryResultRow } from 'pg'

import type { Database, Statement } from '../open-database.ts'
import { tenantsIn } from '../tenant-database.ts'

/** What a sweep learns of a row before it may see it: whose it is, and which. */
export type SweptKey = Readonly<{ id: string; tenantId: string }>

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

/** Functions of migration 0018 that answer ids and tenants of what is due, and nothing else. */
type Finder =
  | 'leases_lost'
  | 'grants_dead'
  | 'grants_ending'
  | 'settlements_open'
  | 'approvals_late'
  | 'calls_lapsed'

/** Finds the keys of what is due, of whatever tenant. */
export const findSwept = (
  database: Database,
  of: { by: Finder; limit: number },
): Promise<SweptKey[]> =>
  database.query({
    name: of.by,
    text: `SELECT id, tenant_id AS "tenantId" FROM ${of.by}($1)`,
    values: [of.limit],
  })
