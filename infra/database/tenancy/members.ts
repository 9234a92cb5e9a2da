import { ConflictError, TerminalError, type ErrorCode } from '@chimera/contracts/errors'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'

/** What people keep in a tenant by names of their own. */
export type MemberKind = 'user' | 'agent' | 'campaign'

type Shape = {
  readonly table: string
  readonly missing: ErrorCode
  /** Columns that a person writes, with their types. */
  readonly columns: Readonly<Record<string, string>>
}

export const MEMBERS: Readonly<Record<MemberKind, Shape>> = {
  user: {
    table: 'users',
    missing: 'USER_NOT_FOUND',
    columns: { email: 'text', roles: 'text[]' },
  },
  agent: {
    table: 'agents',
    missing: 'AGENT_NOT_FOUND',
    columns: { soul_ref: 'text', wallet_address: 'text' },
  },
  campaign: {
    table: 'campaigns',
    missing: 'CAMPAIGN_NOT_FOUND',
    columns: {
      agent_id: 'text',
      owner_user_id: 'text',
      goal_text: 'text',
      daily_budget_usd_micros: 'numeric',
    },
  },
}

/** A row of a member: its own columns and those that every kind has. */
export type MemberRow = Record<string, unknown> & {
  id: string
  version_id: string
  status: string
  created_at: Date
}

export type MemberKey = {
  readonly kind: MemberKind
  readonly tenantId: string
  readonly id: string
}

const columnsOf = ({ columns }: Shape): string =>
  ['id', 'version_id', 'status', 'created_at', ...Object.keys(columns)].join(', ')

/**
 * Makes a member, or changes the one that has its id, within the caller's transaction; the caller
 * appends the audit. Throws VERSION_CONFLICT when a version is given and the row has another one,
 * EMAIL_TAKEN, and INPUT_INVALID for an owner that is no user of the tenant.
 */
export async function putMember(
  tx: Sql,
  of: MemberKey & {
    fields: Readonly<Record<string, unknown>>
    versionId?: string | undefined
  },
  audit: AuditDraft,
): Promise<{ outcome: 'created' | 'changed' | 'same'; row: MemberRow }> {
  const shape = MEMBERS[of.kind]
  const { id, kind, tenantId } = of
  const names = Object.keys(shape.columns)
  const given = names.map((name) => of.fields[name] ?? null)
  try {
    const made = of.versionId === undefined ? await insert(tx, shape, of, given, audit) : undefined
    if (made !== undefined) {
      audit.add(tenantId, { subject: kind, id, from: null, to: 'ACTIVE' })
      return { outcome: 'created', row: made }
    }
    return await change(tx, of, given, audit)
  } catch (error) {
    throw translated(error, id)
  }
}

async function insert(
  tx: Sql,
  shape: Shape,
  { tenantId, id }: MemberKey,
  given: readonly unknown[],
  audit: AuditDraft,
): Promise<MemberRow | undefined> {
  const names = Object.keys(shape.columns)
  const places = Object.values(shape.columns).map((type, n) => `$${n + 4}::${type}`)
  const [row] = await tx.query<MemberRow>({
    text: `INSERT INTO ${shape.table} (tenant_id, id, audit_id, version_id, ${names.join(', ')})
      VALUES ($1, $2, $3, new_version(), ${places.join(', ')})
      ON CONFLICT (tenant_id, id) DO NOTHING RETURNING ${columnsOf(shape)}`,
    values: [tenantId, id, audit.idFor(tenantId), ...given],
  })
  return row
}

async function change(
  tx: Sql,
  of: MemberKey & { versionId?: string | undefined },
  given: readonly unknown[],
  audit: AuditDraft,
): Promise<{ outcome: 'changed' | 'same'; row: MemberRow }> {
  const shape = MEMBERS[of.kind]
  const { id, kind, tenantId } = of
  const before = await getMember(tx, { ...of, isLocked: true })
  if (of.versionId !== undefined && of.versionId !== before.version_id) {
    throw new ConflictError('VERSION_CONFLICT', `The ${kind} ${id} has changed; look again.`)
  }
  const names = Object.keys(shape.columns)
  const places = Object.values(shape.columns).map((type, n) => `$${n + 4}::${type}`)
  const [row] = await tx.query<MemberRow>({
    text: `UPDATE ${shape.table} SET version_id = new_version(), audit_id = $3,
        ${names.map((name, n) => `${name} = ${places[n]}`).join(', ')}
      WHERE tenant_id = $1 AND id = $2
        AND (${names.join(', ')}, true) IS DISTINCT FROM (${places.join(', ')}, true)
      RETURNING ${columnsOf(shape)}`,
    values: [tenantId, id, audit.idFor(tenantId), ...given],
  })
  if (row === undefined) return { outcome: 'same', row: before }
  const changed = names.filter((name) => String(row[name]) !== String(before[name]))
  const note = changed.map((name) => `${name}: ${String(before[name])} -> ${String(row[name])}`)
  const { status } = row
  audit.add(tenantId, {
    subject: kind,
    id,
    from: status,
    to: status,
    note: note.join('; ').slice(0, 500).toWellFormed(),
  })
  return { outcome: 'changed', row }
}

/** A member by its id. Throws <KIND>_NOT_FOUND. */
export async function getMember(
  sql: Sql,
  of: MemberKey & { isLocked?: boolean },
): Promise<MemberRow> {
  const shape = MEMBERS[of.kind]
  const [row] = await sql.query<MemberRow>({
    text: `SELECT ${columnsOf(shape)} FROM ${shape.table} WHERE tenant_id = $1 AND id = $2
      ${of.isLocked === true ? 'FOR UPDATE' : ''}`,
    values: [of.tenantId, of.id],
  })
  if (row === undefined) {
    throw new TerminalError(shape.missing, `There is no ${of.kind} ${of.id} in this tenant.`)
  }
  return row
}

/** A tenant's members of one kind in order of their ids, and whether there are more. */
export async function listMembers(
  sql: Sql,
  of: { kind: MemberKind; tenantId: string; after?: string | undefined; limit: number },
): Promise<{ rows: MemberRow[]; next: string | undefined }> {
  const shape = MEMBERS[of.kind]
  const rows = await sql.query<MemberRow>({
    text: `SELECT ${columnsOf(shape)} FROM ${shape.table}
      WHERE tenant_id = $1 AND ($2::text IS NULL OR id > $2) ORDER BY id LIMIT $3`,
    values: [of.tenantId, of.after ?? null, of.limit + 1],
  })
  const page = rows.slice(0, of.limit)
  return { rows: page, next: rows.length > of.limit ? page.at(-1)?.id : undefined }
}

/** What a person can mend; everything else is as it was. */
function translated(error: unknown, id: string): unknown {
  const { code, constraint } = fieldsOf(error)
  if (code === '23505' && constraint === 'users_email') {
    return new ConflictError('EMAIL_TAKEN', `Another user has the address given for ${id}.`)
  }
  if (code === '23503' && constraint === 'campaigns_tenant_id_owner_user_id_fkey') {
    return new TerminalError('INPUT_INVALID', `The owner of ${id} is no user of this tenant.`, {
      faults: [{ pointer: '/owner_user_id', detail: 'names no user' }],
    })
  }
  return error
}

function fieldsOf(error: unknown): { code?: unknown; constraint?: unknown } {
  if (!(error instanceof Error) || !('code' in error)) return {}
  return { code: error.code, constraint: 'constraint' in error ? error.constraint : undefined }
}
