import { sha256 } from '@chimera/contracts/canonical'
import { newId } from '@chimera/contracts/ids'

import type { Database } from '../database/open-database.ts'

const NAME = 'operator'
/** Everything that the gateway can do. */
const SCOPES = ['admin']

/**
 * Lets the token of this machine's operator in. The record holds its hash only. A token that was
 * revoked stays revoked: `chimera token revoke` outlives a restart.
 */
export async function keepOperatorToken(
  database: Database,
  options: { tenantId: string; token: string },
): Promise<void> {
  await database.query({
    text: `INSERT INTO api_tokens (id, tenant_id, name, hash, scopes)
      VALUES ($1, $2, $3, $4, $5) ON CONFLICT (hash) DO NOTHING`,
    values: [newId(), options.tenantId, NAME, sha256(options.token), SCOPES],
  })
}
