import { ConflictError, TerminalError } from '@chimera/contracts/errors'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'

export type TenantRow = {
  id: string
  name: string
  version_id: string
  status: string
  created_at: Date
}

const COLUMNS = 'id, name, version_id, status, created_at'

/**
 * Makes a tenant within the caller's transaction; the caller appends the audit, to the new tenant's
 * own trail. The same one again changes nothing. Throws VERSION_CONFLICT for an id that another
 * name has.
 */
export async function createTenant(
  tx: Sql,
  of: { id: string; name: string },
  audit: AuditDraft,
): Promise<{ outcome: 'created' | 'same'; row: TenantRow }> {
  const [made] = await tx.query<TenantRow>({
    text: `INSERT INTO tenants (id, name, version_id) VALUES ($1, $2, new_version())
      ON CONFLICT (id) DO NOTHING RETURNING ${COLUMNS}`,
    values: [of.id, of.name],
  })
  if (made !== undefined) {
    audit.add(of.id, { subject: 'tenant', id: of.id, from: null, to: 'ACTIVE', note: of.name })
    return { outcome: 'created', row: made }
  }
  const row = await getTenant(tx, { id: of.id })
  if (row.name === of.name) return { outcome: 'same', row }
  throw new ConflictError('VERSION_CONFLICT', `The tenant ${of.id} has another name already.`)
}

/** A tenant by its id. Throws TENANT_NOT_FOUND. */
export async function getTenant(
  sql: Sql,
  { id, isLocked = false }: { id: string; isLocked?: boolean },
): Promise<TenantRow> {
  const [row] = await sql.query<TenantRow>({
    text: `SELECT ${COLUMNS} FROM tenants WHERE id = $1 ${isLocked ? 'FOR UPDATE' : ''}`,
    values: [id],
  })
  if (row === undefined) throw new TerminalError('TENANT_NOT_FOUND', `There is no tenant ${id}.`)
  return row
}

/** Tenants in order of their ids, and whether there are more. */
export async function listTenants(
  sql: Sql,
  of: { after?: string | undefined; limit: number },
): Promise<{ rows: TenantRow[]; next: string | undefined }> {
  const rows = await sql.query<TenantRow>({
    text: `SELECT ${COLUMNS} FROM tenants WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2`,
    values: [of.after ?? null, of.limit + 1],
  })
  const page = rows.slice(0, of.limit)
  return { rows: page, next: rows.length > of.limit ? page.at(-1)?.id : undefined }
}
