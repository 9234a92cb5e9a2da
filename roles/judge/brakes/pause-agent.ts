import { fenceScope } from '@chimera/contracts/tenancy/fence-scope'
import type { AuditDraft } from '@chimera/infra/database/append-audit'
import { raiseEpoch } from '@chimera/infra/database/fences/raise-epoch'
import type { Sql } from '@chimera/infra/database/open-database'
import { setStanding } from '@chimera/infra/database/tenancy/set-standing'

/**
 * Pauses an agent until a person resumes it, within the caller's transaction: the epoch of its
 * fence, which the Keeper carries to the tool servers, and the row, in the order of the granting
 * transaction.
 */
export async function pauseAgent(
  tx: Sql,
  of: { readonly tenantId: string; readonly id: string; reason: string; actor: string },
  audit: AuditDraft,
): Promise<void> {
  const { tenantId, id, reason, actor } = of
  const scope = fenceScope('agent', { tenant: tenantId, id })
  await raiseEpoch(tx, { scope, actor, reason })
  await setStanding(tx, { kind: 'agent', tenantId, id, to: 'PAUSED', reason }, audit)
}
