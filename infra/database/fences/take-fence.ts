import type { Database } from '../open-database.ts'
import { auditFence, FENCE_COLUMNS, fenceOf, type FenceRow, type MovedFence } from './fence.ts'

/**
 * Takes a stop that a tool server has and the record does not know: it was raised straight at the
 * server while the record was away, or by the server itself. Nothing when the record's fence is as
 * high already. `isSurelyStopped`: the server says that a stop stands at this very epoch, so the
 * record's resume of the same number was of another one.
 */
export async function takeFence(
  database: Database,
  of: {
    scope: string
    epoch: number
    isSurelyStopped: boolean
    actor: string
    reason: string
  },
): Promise<MovedFence | undefined> {
  return database.transaction(async (tx) => {
    const [row] = await tx.query<FenceRow>({
      text: `INSERT INTO fences AS f (scope, epoch, stopped, reason, actor)
        VALUES ($1, $2, true, $3, $4)
        ON CONFLICT (scope) DO UPDATE SET stopped = true, reason = excluded.reason,
          epoch = CASE WHEN f.epoch < $2 THEN $2 ELSE f.epoch + 1 END, actor = excluded.actor,
          changed_at = now()
        WHERE f.epoch < $2 OR (f.epoch = $2 AND NOT f.stopped AND $5)
        RETURNING ${FENCE_COLUMNS}`,
      values: [of.scope, of.epoch, of.reason, of.actor, of.isSurelyStopped],
    })
    if (row === undefined) return undefined
    const fence = fenceOf(row)
    return { ...fence, audit: await auditFence(tx, fence) }
  })
}
