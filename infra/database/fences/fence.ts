import { DEFAULT_TENANT } from '@chimera/contracts/ids'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import type { Database, Sql } from '../open-database.ts'

/** A scope that was ever stopped: its epoch, which only rises, and whether a stop is in force. */
export type Fence = {
  readonly scope: string
  readonly epoch: number
  readonly stopped: boolean
  readonly reason: string | null
  readonly actor: string
  readonly changedAt: Date
}

/** A fence that has just moved, with what there is to tell on the feed. */
export type MovedFence = Fence & { readonly audit: ReturnType<AuditDraft['items']> }

export type FenceRow = {
  scope: string
  epoch: string
  stopped: boolean
  reason: string | null
  actor: string
  changed_at: Date
}

export const FENCE_COLUMNS = 'scope, epoch, stopped, reason, actor, changed_at'

export const fenceOf = (row: FenceRow): Fence => ({
  scope: row.scope,
  epoch: Number(row.epoch),
  stopped: row.stopped,
  reason: row.reason,
  actor: row.actor,
  changedAt: row.changed_at,
})

export type FenceMove = {
  readonly scope: string
  readonly stopped: boolean
  readonly actor: string
  readonly reason: string | null
  readonly tenantId: string | undefined
  /** An epoch that some server has; the new one is higher. */
  readonly above?: number | undefined
}

/** Raises the scope's epoch by one or more, in a transaction of its own with its audit entry. */
export async function moveFence(database: Database, of: FenceMove): Promise<MovedFence> {
  return database.transaction(async (tx) => {
    // Waits for grants that are being committed (FOR SHARE): after this no new one is made below
    // it.
    const [row] = await tx.query<FenceRow>({
      name: 'move-fence',
      text: `INSERT INTO fences AS f (scope, epoch, stopped, reason, actor)
        VALUES ($1, $5::bigint + 1, $2, $3, $4)
        ON CONFLICT (scope) DO UPDATE SET epoch = greatest(f.epoch, $5::bigint) + 1,
          stopped = excluded.stopped, reason = excluded.reason, actor = excluded.actor,
          changed_at = now()
        RETURNING ${FENCE_COLUMNS}`,
      values: [of.scope, of.stopped, of.reason, of.actor, of.above ?? 0],
    })
    if (row === undefined) throw new Error('The fence was not written.')
    const fence = fenceOf(row)
    return { ...fence, audit: await auditFence(tx, fence, of.tenantId) }
  })
}

/** Writes the audit entry of a fence that moved. */
export async function auditFence(
  tx: Sql,
  fence: Fence,
  tenantId: string = DEFAULT_TENANT,
): Promise<ReturnType<AuditDraft['items']>> {
  const draft = draftAudit()
  draft.add(tenantId, {
    subject: 'fence',
    id: fence.scope,
    from: null,
    to: fence.stopped ? 'RAISED' : 'RESUMED',
    note: `epoch ${fence.epoch}${fence.reason === null ? '' : `: ${fence.reason}`}`.slice(0, 500),
  })
  await appendAudit(tx, draft, fence.actor)
  return draft.items()
}
