import { TerminalError } from '@chimera/contracts/errors'

import type { Sql } from '../open-database.ts'

/** One version that was applied. Version 0 has no row: it is the one that ships. */
export type PolicyVersion = {
  readonly version: number
  readonly source: string
  readonly document: unknown
  readonly hash: string
  readonly note: string | null
  readonly actor: string
  readonly createdAt: Date
}

/** Versions of one answer: the newest. */
const MAX_VERSIONS = 200

/** The number of the version in force. Throws POLICY_NOT_FOUND for a tenant that is none. */
export async function readPolicyVersion(sql: Sql, tenantId: string): Promise<number> {
  const [row] = await sql.query<{ policy_version: number }>({
    text: 'SELECT policy_version FROM tenants WHERE id = $1',
    values: [tenantId],
  })
  if (row === undefined) throw new TerminalError('POLICY_NOT_FOUND', 'There is no such tenant.')
  return row.policy_version
}

/** One version of a tenant, or nothing. */
export async function findPolicy(
  sql: Sql,
  of: { tenantId: string; version: number },
): Promise<PolicyVersion | undefined> {
  const [row] = await readVersions(sql, { ...of, limit: 1 })
  return row
}

/** The versions that a tenant has had, newest first, without their text. */
export function listPolicies(sql: Sql, of: { tenantId: string }): Promise<PolicyVersion[]> {
  return readVersions(sql, { ...of, version: null, limit: MAX_VERSIONS })
}

function readVersions(
  sql: Sql,
  of: { tenantId: string; version: number | null; limit: number },
): Promise<PolicyVersion[]> {
  return sql.query<PolicyVersion>({
    text: `SELECT version, source, document, hash, note, actor, created_at AS "createdAt"
      FROM policies WHERE tenant_id = $1 AND ($2::int IS NULL OR version = $2)
      ORDER BY version DESC LIMIT $3`,
    values: [of.tenantId, of.version, of.limit],
  })
}
