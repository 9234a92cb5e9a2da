import { fenceScope } from '@chimera/contracts/tenancy/fence-scope'

import type { Fence } from '../fences/fence.ts'
import { raiseEpoch } from '../fences/raise-epoch.ts'
import type { Sql } from '../open-database.ts'

/** Whose words count no more: tokens by their ids, or all tokens of a user. */
export type RemovedApprover = { readonly tokenIds: readonly string[] } | { readonly userId: string }

/**
 * Raises the tenant's fence when a grant that is out rests on a word of somebody who may not
 * approve any more; nothing when none does. Within the transaction that takes the right away and
 * after the row that says so, which is the order of the granting transaction: grants that are being
 * committed on such a word are waited for and found here, and later ones see that it counts no
 * more. What is out on other words is judged again too, and granted again on the same approvals.
 */
export async function fenceResting(
  tx: Sql,
  of: { tenantId: string; removed: RemovedApprover; actor: string },
): Promise<Fence | undefined> {
  const { tenantId, removed, actor } = of
  const [tokenIds, userId] = 'userId' in removed ? [null, removed.userId] : [removed.tokenIds, null]
  const [resting] = await tx.query({
    name: 'find-resting-grants',
    // No grant outlives the approval that it rests on: what has long expired is not looked at.
    text: `SELECT FROM effects e
      WHERE e.state = 'GRANTED' AND e.tenant_id = $1 AND e.approvals && (
        SELECT coalesce(array_agg(DISTINCT a.id), '{}') FROM api_tokens k
          JOIN approval_words w ON w.token_id = k.id
          JOIN approvals a ON a.id = w.approval_id
        WHERE k.tenant_id = $1 AND (k.id = ANY($2::uuid[]) OR k.user_id = $3)
          AND a.state = 'APPROVED' AND a.expires_at > now() - interval '1 hour')
      LIMIT 1`,
    values: [tenantId, tokenIds, userId],
  })
  if (resting === undefined) return undefined
  const scope = fenceScope('tenant', { tenant: tenantId, id: tenantId })
  return raiseEpoch(tx, { scope, actor, reason: 'an approver was removed' })
}
