import type { RegistryKind, RegistryView } from '@chimera/contracts/judging/registry'

import type { Sql } from '../open-database.ts'
import { REGISTRY_COLUMNS, type RegistryRow, registryView } from './registry-row.ts'

/** Rows of a tenant that may hold at once: all of them are read for a verdict. */
export const MAX_REGISTRY = 2_000

/** A tenant's address book by kind and name; with `all`, what was removed or changed, too. */
export async function listRegistry(
  sql: Sql,
  of: { tenantId: string; kind?: RegistryKind | undefined; all?: boolean },
): Promise<RegistryView[]> {
  const rows = await sql.query<RegistryRow>({
    text: `SELECT ${REGISTRY_COLUMNS} FROM registry_entries
      WHERE tenant_id = $1 AND ($2::text IS NULL OR kind = $2) AND ($3 OR removed_at IS NULL)
      ORDER BY kind, name, version DESC LIMIT ${MAX_REGISTRY}`,
    values: [of.tenantId, of.kind ?? null, of.all === true],
  })
  return rows.map(registryView)
}
