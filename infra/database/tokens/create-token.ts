import { newId } from '@chimera/contracts/ids'

import { appendAudit, draftAudit } from '../append-audit.ts'
import type { Database } from '../open-database.ts'
import { hashToken, newTokenSecret, type TokenScope } from './token-secret.ts'
import { tokenOf, TOKEN_COLUMNS, type Token, type TokenRow } from './token.ts'

/** Makes a token and writes its audit entry. The secret is in this answer and nowhere else. */
export async function createToken(
  database: Database,
  of: {
    tenantId: string
    name: string
    scopes: readonly TokenScope[]
    actor: string
    /** Counted by the database's clock; for ever when absent. */
    validDays?: number | undefined
  },
): Promise<{ token: Token; secret: string }> {
  const secret = newTokenSecret()
  return database.transaction(async (tx) => {
    const [row] = await tx.query<TokenRow>({
      text: `INSERT INTO api_tokens (id, tenant_id, name, hash, scopes, expires_at)
        VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 day')
        RETURNING ${TOKEN_COLUMNS}`,
      values: [newId(), of.tenantId, of.name, hashToken(secret), of.scopes, of.validDays ?? null],
    })
    if (row === undefined) throw new Error('The token was not written.')
    const draft = draftAudit()
    const note = `${of.name}: ${of.scopes.join(' ')}`
    draft.add(of.tenantId, { subject: 'token', id: row.id, from: null, to: 'CREATED', note })
    await appendAudit(tx, draft, of.actor)
    return { token: tokenOf(row), secret }
  })
}
