import type { Sql } from '../open-database.ts'
import { FENCE_COLUMNS, fenceOf, type Fence, type FenceRow } from './fence.ts'

/**
 * Raises a scope's epoch and leaves a stop as it is, within the caller's transaction, before the
 * rows that the caller pauses: grants that are out never claim once the tool servers have it, and
 * grants that are being committed wait, or are fenced, too.
 */
export async function raiseEpoch(
  tx: Sql,
  of: { scope: string; actor: string; reason: string },
): Promise<Fence> {
  const [row] = await tx.query<FenceRow>({
    name: 'raise-epoch',
    text: `INSERT INTO fences AS f (scope, epoch, stopped, reason, actor)
      VALUES ($1, 1, false, $2, $3)
      ON CONFLICT (scope) DO UPDATE SET epoch = f.epoch + 1, changed_at = now(),
        reason = CASE WHEN f.stopped THEN f.reason ELSE excluded.reason END,
        actor = CASE WHEN f.stopped THEN f.actor ELSE excluded.actor END
      RETURNING ${FENCE_COLUMNS}`,
    values: [of.scope, of.reason, of.actor],
  })
  if (row === undefined) throw new Error('The fence was not written.')
  return fenceOf(row)
}
