import type { FenceReport } from '@chimera/contracts/tenancy/fence-report'
import { appendAudit, draftAudit, type AuditDraft } from '@chimera/infra/database/append-audit'
import { fenceResting } from '@chimera/infra/database/approvals/fence-resting'
import type { Sql } from '@chimera/infra/database/open-database'
import { bringFence } from '@chimera/infra/tools/bring-fence'

import type { StopDeps } from '../stops/stop.ts'

/** Nobody is in a hurry to lose a right, but who waits for the answer is. */
const FENCED_WITHIN_MS = 1_000

/**
 * Changes a user by `work`, which says whether the user may approve no more; then what rests on the
 * user's words is fenced, in the record with the change and at every tool server before the answer.
 */
export async function takeWordAway<T>(
  deps: Pick<StopDeps, 'database' | 'openControl'>,
  of: { tenantId: string; userId: string; actor: string },
  work: (tx: Sql, audit: AuditDraft) => Promise<{ value: T; mayApprove: boolean }>,
): Promise<{ value: T; fence: FenceReport | undefined; audit: AuditDraft }> {
  const audit = draftAudit()
  const { value, raised } = await deps.database.transaction(async (tx) => {
    const done = await work(tx, audit)
    const { tenantId, userId, actor } = of
    const removal = { tenantId, removed: { userId }, actor }
    const fence = done.mayApprove ? undefined : await fenceResting(tx, removal)
    await appendAudit(tx, audit, actor)
    return { value: done.value, raised: fence }
  })
  if (raised === undefined) return { value, fence: undefined, audit }
  const fence = await bringFence({ ...deps, fence: raised, withinMs: FENCED_WITHIN_MS })
  return { value, fence, audit }
}
