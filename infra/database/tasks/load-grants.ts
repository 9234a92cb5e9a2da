import type { Sql } from '../open-database.ts'

/** A grant that may be carried: the row's word, not the entry's. */
export type LoadedGrant = Readonly<{
  grantId: string
  effectId: string
  tenantId: string
  goalId: string
  account: string
  tool: string
  /** The compact JWS exactly as the Judge signed it. */
  grant: string
  /** Exactly the arguments whose hash the grant names; checked by the tool server. */
  args: unknown
  /** Base URL of the account's tool server. */
  url: string
  /** Tool name -> hash of its definition, as the record pinned it. Parsed by whoever connects. */
  definitions: unknown
}>

/**
 * Loads the grants that are worth carrying: state GRANTED, not being voided. Unknown grants and
 * those that are settled already are left out; their entries are stale or forged. An expired
 * grant is carried: the server answers it with the VOID that lets the slot go on.
 */
export async function loadGrants(
  sql: Sql,
  of: { grantIds: readonly string[] },
): Promise<LoadedGrant[]> {
  if (of.grantIds.length === 0) return []
  const rows = await sql.query<{
    grant_id: string
    id: string
    tenant_id: string
    goal_id: string
    account: string
    tool: string
    grant_jws: string
    args: unknown
    url: string
    definitions: unknown
  }>({
    name: 'load-grants',
    text: `SELECT e.grant_id, e.id, e.tenant_id, e.goal_id, e.account, e.tool, e.grant_jws, e.args,
        a.url, a.definitions
      FROM effects e JOIN tool_accounts a USING (account)
      WHERE e.grant_id = ANY ($1::uuid[]) AND e.state = 'GRANTED' AND NOT e.cancelling
        AND e.grant_jws IS NOT NULL`,
    values: [[...new Set(of.grantIds)]],
  })
  return rows.map((row) => ({
    grantId: row.grant_id,
    effectId: row.id,
    tenantId: row.tenant_id,
    goalId: row.goal_id,
    account: row.account,
    tool: row.tool,
    grant: row.grant_jws,
    args: row.args,
    url: row.url,
    definitions: row.definitions,
  }))
}
