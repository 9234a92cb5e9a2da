import type { RegistryKind, RegistryView } from '@chimera/contracts/judging/registry'

import { appendAudit, draftAudit } from '../append-audit.ts'
import type { Database, Sql } from '../open-database.ts'
import { REGISTRY_COLUMNS, type RegistryRow, registryView } from './registry-row.ts'

type Named = { tenantId: string; kind: RegistryKind; name: string; actor: string }

/**
 * Adds a row to the address book, or the next version of it; the version before no longer holds.
 * Only a person with the right to calls this: no task, effect or approval leads here. The value has
 * to be in canonical form.
 */
export async function addRegistryEntry(
  database: Database,
  of: Named & { value: unknown; note: string },
): Promise<RegistryView> {
  return database.transaction(async (tx) => {
    await lockRegistry(tx, of.tenantId)
    const audit = draftAudit()
    const auditId = audit.idFor(of.tenantId)
    const held = await removeHeld(tx, of)
    const [row] = await tx.query<RegistryRow>({
      text: `INSERT INTO registry_entries (tenant_id, kind, name, version, value, note, added_by,
          audit_id)
        SELECT $1, $2, $3, coalesce(max(version), 0) + 1, $4, $5, $6, $7 FROM registry_entries
        WHERE tenant_id = $1 AND kind = $2 AND lower(name) = lower($3)
        RETURNING ${REGISTRY_COLUMNS}`,
      values: [of.tenantId, of.kind, of.name, JSON.stringify(of.value), of.note, of.actor, auditId],
    })
    if (row === undefined) throw new Error('The row of the registry was not written.')
    audit.add(of.tenantId, {
      subject: 'registry',
      id: `${of.kind} ${of.name}`,
      from: held === undefined ? null : `version ${held.version}`,
      to: `version ${row.version}`,
      note: JSON.stringify(of.value).slice(0, 500),
    })
    await appendAudit(tx, audit, of.actor)
    return registryView(row)
  })
}

/** Removes a row: from the commit on it allows nothing. Undefined when there is none that holds. */
export async function removeRegistryEntry(
  database: Database,
  of: Named & { reason: string },
): Promise<RegistryView | undefined> {
  return database.transaction(async (tx) => {
    await lockRegistry(tx, of.tenantId)
    const held = await removeHeld(tx, of)
    if (held === undefined) return undefined
    const audit = draftAudit()
    audit.add(of.tenantId, {
      subject: 'registry',
      id: `${of.kind} ${held.name}`,
      from: `version ${held.version}`,
      to: 'REMOVED',
      note: of.reason,
    })
    await appendAudit(tx, audit, of.actor)
    return registryView(held)
  })
}

/** Waits for every grant that leans on the registry as it is; those behind it read it again. */
async function lockRegistry(tx: Sql, tenantId: string): Promise<void> {
  await tx.query({
    text: `SELECT 1 FROM house_versions WHERE tenant_id = $1 AND subject = 'registry' FOR UPDATE`,
    values: [tenantId],
  })
}

async function removeHeld(tx: Sql, of: Named): Promise<RegistryRow | undefined> {
  const [row] = await tx.query<RegistryRow>({
    text: `UPDATE registry_entries SET removed_at = now(), removed_by = $4
      WHERE tenant_id = $1 AND kind = $2 AND lower(name) = lower($3) AND removed_at IS NULL
      RETURNING ${REGISTRY_COLUMNS}`,
    values: [of.tenantId, of.kind, of.name, of.actor],
  })
  return row
}
