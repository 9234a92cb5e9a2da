import type { Database } from '../open-database.ts'
import { moveFence, type MovedFence } from './fence.ts'

/**
 * Ends a stop at a higher epoch: what was granted before the stop stays below the fence, is voided
 * and judged again. `above` is the highest epoch that a server was seen with: one that was stopped
 * while the record was away may be ahead of it.
 */
export function resume(
  database: Database,
  of: { scope: string; actor: string; reason?: string; tenantId?: string; above?: number },
): Promise<MovedFence> {
  const { scope, actor, reason = null, tenantId, above } = of
  return moveFence(database, { scope, stopped: false, actor, reason, tenantId, above })
}
