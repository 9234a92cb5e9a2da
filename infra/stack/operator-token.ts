import { newId } from '@chimera/contracts/ids'

import { appendAudit, draftAudit } from '../database/append-audit.ts'
import type { Database } from '../database/open-database.ts'
import { hashToken, type TokenScope } from '../database/tokens/token-secret.ts'

const NAME = 'operator'
const ACTOR = 'supervisor'
/** Everything that the gateway can do. */
const SCOPES: readonly TokenScope[] = ['admin']

/**
 * Lets the token of this machine's operator in. The record holds its hash only. A token that was
 * revoked stays revoked: `chimera token revoke` outlives a restart.
 */
export async function keepOperatorToken(
  database: Database,
  options: { tenantId: string; token: string },
): Promise<void> {
  const { tenantId } = options
  await database.transaction(async (tx) => {
    const [row] = await tx.query<{ id: string }>({
      text: `INSERT INTO api_tokens (id, tenant_id, name, hash, scopes)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (hash) DO NOTHING RETURNING id`,
      values: [newId(), tenantId, NAME, hashToken(options.token), SCOPES],
    })
    if (row === undefined) return
    const draft = draftAudit()
    const note = `${NAME}: ${SCOPES.join(' ')}`
    draft.add(tenantId, { subject: 'token', id: row.id, from: null, to: 'CREATED', note })
    await appendAudit(tx, draft, ACTOR)
  })
}
