import type { ReceiptClaims, ReceiptState } from '@chimera/contracts/grant'
import { commitReceipts } from '@chimera/infra/database/tasks/commit-receipts'
import { findBatchTenants } from '@chimera/infra/database/tenancy/find-batch-tenants'
import { sqlOf } from '@chimera/infra/database/tenant-database'

import { ringJudge, type KeeperDeps } from '../duties/keeper-deps.ts'
import { decodeReceipt } from './decode-receipt.ts'

/**
 * Puts receipts into the Judge's inbox and rings. Left out: what is no receipt, what is for a grant
 * or slot that nobody asked about, and states that are no news. Returns how many were filed.
 */
export async function fileReceipts(
  deps: Pick<KeeperDeps, 'database' | 'publisher' | 'log' | 'actor' | 'crash'>,
  of: {
    receipts: readonly string[]
    /** Grants, and effect keys where whatever holds the slot is an answer. */
    askedFor: ReadonlySet<string>
    noNews: readonly ReceiptState[]
  },
): Promise<number> {
  const receipts: { grantId: string; jws: string }[] = []
  for (const jws of of.receipts) {
    const claims = decodeReceipt(jws)
    if (claims === undefined || !isAsked(claims, of.askedFor)) {
      deps.log.warn({ grant_id: claims?.grant_id }, 'a tool server answered what nobody asked')
    } else if (!of.noNews.includes(claims.state)) {
      receipts.push({ grantId: claims.grant_id, jws })
    }
  }
  if (receipts.length === 0) return 0
  const grants = receipts.map(({ grantId }) => grantId)
  // A grant that the record does not know is nobody's, and its receipt may be filed all the same.
  const tenantIds = await findBatchTenants(deps.database, { of: 'grants', ids: grants })
  const inbox = sqlOf(deps.database, { tenantIds })
  const ids = await commitReceipts(inbox, { receipts, carriedBy: deps.actor })
  // A crash here loses a doorbell: the receipt is a row, and the Judge is rung again.
  deps.crash('keeper.sweep.before_publish')
  await deps.publisher.publish(ids.map((id) => ringJudge({ look_at: 'receipt', id })))
  return ids.length
}

const isAsked = (
  { grant_id: grant, effect_key: key }: ReceiptClaims,
  asked: ReadonlySet<string>,
): boolean => asked.has(grant) || asked.has(key)
