import { DEFAULT_TENANT } from '@chimera/contracts/ids'

import { appendAudit, draftAudit } from '../append-audit.ts'
import type { Database } from '../open-database.ts'

/** A scope that was ever stopped: its epoch, which only rises, and whether a stop is in force. */
export type Fence = {
  readonly scope: string
  readonly epoch: number
  readonly stopped: boolean
  readonly reason: string | null
  readonly actor: string
  readonly changedAt: Date
}

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

/** Raises the scope's epoch by one, in a transaction of its own with its audit entry. */
export async function moveFence(
  database: Database,
  of: {
    scope: string
    stopped: boolean
    actor: string
    reason: string | null
    tenantId: string | undefined
  },
): Promise<Fence> {
  return database.transaction(async (tx) => {
    // Waits for grants that are being committed (FOR SHARE): after this no new one is made below
    // it.
    const [row] = await tx.query<FenceRow>({
      text: `INSERT INTO fences AS f (scope, epoch, stopped, reason, actor)
        VALUES ($1, 1, $2, $3, $4)
        ON CONFLICT (scope) DO UPDATE SET epoch = f.epoch + 1, stopped = excluded.stopped,
          reason = excluded.reason, actor = excluded.actor, changed_at = now()
        RETURNING ${FENCE_COLUMNS}`,
      values: [of.scope, of.stopped, of.reason, of.actor],
    })
    if (row === undefined) throw new Error('The fence was not written.')
    const fence = fenceOf(row)
    const draft = draftAudit()
    draft.add(of.tenantId ?? DEFAULT_TENANT, {
      subject: 'fence',
      id: of.scope,
      from: null,
      to: of.stopped ? 'RAISED' : 'RESUMED',
      note: `epoch ${fence.epoch}${of.reason === null ? '' : `: ${of.reason}`}`.slice(0, 500),
    })
    await appendAudit(tx, draft, of.actor)
    return fence
  })
}
