import type { RegistryKind, RegistryView } from '@chimera/contracts/judging/registry'

import type { Sql } from '../open-database.ts'

/** A row that holds: what people call it, its version and its value in canonical form. */
export type NamedEntry = Pick<RegistryView, 'name' | 'version' | 'value'>

/** The row of a name in any spelling of its letters' case; undefined where none holds. */
export async function findRegistryEntry(
  sql: Sql,
  of: { tenantId: string; kind: RegistryKind; name: string },
): Promise<NamedEntry | undefined> {
  const [row] = await sql.query<NamedEntry>({
    name: 'find-registry-entry',
    text: `SELECT name, version, value FROM registry_entries
      WHERE tenant_id = $1 AND kind = $2 AND lower(name) = lower($3) AND removed_at IS NULL`,
    values: [of.tenantId, of.kind, of.name.normalize('NFC').trim()],
  })
  return row
}
