import type { Sql } from '../open-database.ts'

/** The policy in force of one tenant; `document` is null when its row is missing. */
export type LoadedPolicy = {
  readonly tenantId: string
  /** 0: the one that ships. */
  readonly version: number
  readonly document: unknown
  readonly hash: string | null
}

/** The policies in force of some tenants; who is not there has none. */
export async function loadPolicies(
  sql: Sql,
  tenantIds: readonly string[],
): Promise<LoadedPolicy[]> {
  const rows = await sql.query<{
    id: string
    policy_version: number
    document: unknown
    hash: string | null
  }>({
    name: 'load-policies',
    text: `SELECT t.id, t.policy_version, p.document, p.hash
      FROM tenants t
      LEFT JOIN policies p ON p.tenant_id = t.id AND p.version = t.policy_version
      WHERE t.id = ANY($1::uuid[])`,
    values: [[...new Set(tenantIds)]],
  })
  return rows.map((row) => ({
    tenantId: row.id,
    version: row.policy_version,
    document: row.document ?? null,
    hash: row.hash,
  }))
}

/** Which versions are in force, locked until the end of the granting transaction. */
export async function lockPolicyVersions(
  tx: Sql,
  tenantIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const values = [[...new Set(tenantIds)]]
  await tx.query({ name: 'hold-tenants', text: 'SELECT hold_tenants($1::uuid[])', values })
  // A statement of its own: it sees what those that held the rows committed.
  const rows = await tx.query<{ id: string; policy_version: number }>({
    name: 'held-policy-versions',
    text: 'SELECT id, policy_version FROM tenants WHERE id = ANY($1::uuid[])',
    values,
  })
  return new Map(rows.map((row) => [row.id, row.policy_version]))
}
