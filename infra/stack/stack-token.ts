import { newId } from '@chimera/contracts/ids'
import type { TokenScope } from '@chimera/contracts/tenancy/roles'

import { appendAudit, draftAudit } from '../database/append-audit.ts'
import type { Database } from '../database/open-database.ts'
import { hashToken } from '../database/tokens/token-secret.ts'

const ACTOR = 'supervisor'

/**
 * Whom a stack gives a token of the gateway, and for what: its operator for everything that the
 * gateway can do, the tools of the swarm for goals.
 */
const SCOPES = {
  operator: ['admin'],
  swarm: ['read', 'write'],
} as const satisfies Record<string, readonly TokenScope[]>

/**
 * Lets a token of this machine in. The record holds its hash only. A token that was revoked stays
 * revoked: `chimera token revoke` outlives a restart.
 */
export async function keepStackToken(
  database: Database,
  options: { tenantId: string; name: keyof typeof SCOPES; token: string },
): Promise<void> {
  const { tenantId, name } = options
  const scopes = SCOPES[name]
  await database.transaction(async (tx) => {
    const [row] = await tx.query<{ id: string }>({
      text: `INSERT INTO api_tokens (id, tenant_id, name, hash, scopes)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (hash) DO NOTHING RETURNING id`,
      values: [newId(), tenantId, name, hashToken(options.token), scopes],
    })
    if (row === undefined) return
    const draft = draftAudit()
    const note = `${name}: ${scopes.join(' ')}`
    draft.add(tenantId, { subject: 'token', id: row.id, from: null, to: 'CREATED', note })
    await appendAudit(tx, draft, ACTOR)
  })
}
