import { TerminalError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'
import type { Role, TokenScope } from '@chimera/contracts/tenancy/roles'

import { appendAudit, draftAudit } from '../append-audit.ts'
import type { Database, Sql } from '../open-database.ts'
import { hashToken, newTokenSecret } from './token-secret.ts'
import { tokenOf, TOKEN_COLUMNS, type Token, type TokenRow } from './token.ts'

/**
 * Makes a token and writes its audit entry. The secret is in this answer and nowhere else. Throws
 * TENANT_NOT_FOUND and USER_NOT_FOUND.
 */
export async function createToken(
  database: Database,
  of: {
    tenantId: string
    name: string
    scopes: readonly TokenScope[]
    roles?: readonly Role[] | undefined
    /** Of a user: then it allows what both its roles and the user's allow, as they are by then. */
    userId?: string | undefined
    actor: string
    /** Counted by the database's clock; for ever when absent. */
    validDays?: number | undefined
  },
): Promise<{ token: Token; secret: string }> {
  const secret = newTokenSecret()
  return database.transaction(async (tx) => {
    await refuseUnknown(tx, of)
    const [row] = await tx.query<TokenRow>({
      text: `INSERT INTO api_tokens (id, tenant_id, name, hash, scopes, expires_at, roles, user_id)
        VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 day', $7, $8)
        RETURNING ${TOKEN_COLUMNS}`,
      values: [
        newId(),
        of.tenantId,
        of.name,
        hashToken(secret),
        of.scopes,
        of.validDays ?? null,
        of.roles ?? [],
        of.userId ?? null,
      ],
    })
    if (row === undefined) throw new Error('The token was not written.')
    const draft = draftAudit()
    const note = `${of.name}: ${[...of.scopes, ...(of.roles ?? [])].join(' ')}`
    draft.add(of.tenantId, { subject: 'token', id: row.id, from: null, to: 'CREATED', note })
    await appendAudit(tx, draft, of.actor)
    return { token: tokenOf(row), secret }
  })
}

async function refuseUnknown(
  tx: Sql,
  { tenantId, userId }: { tenantId: string; userId?: string | undefined },
): Promise<void> {
  const [found] = await tx.query<{ user: boolean }>({
    text: `SELECT $2::text IS NULL OR EXISTS (
        SELECT FROM users u WHERE u.tenant_id = t.id AND u.id = $2) AS user
      FROM tenants t WHERE t.id = $1`,
    values: [tenantId, userId ?? null],
  })
  if (found === undefined) {
    throw new TerminalError('TENANT_NOT_FOUND', `There is no tenant ${tenantId}.`)
  }
  if (!found.user) {
    throw new TerminalError('USER_NOT_FOUND', `There is no user ${userId ?? ''} in this tenant.`)
  }
}
