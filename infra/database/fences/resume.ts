import type { Database } from '../open-database.ts'
import { moveFence, type Fence } from './fence.ts'

/**
 * Ends a stop at a higher epoch: what was granted before the stop stays below the fence, is voided
 * and judged again.
 */
export function resume(
  database: Database,
  of: { scope: string; actor: string; reason?: string; tenantId?: string },
): Promise<Fence> {
  const { scope, actor, reason = null, tenantId } = of
  return moveFence(database, { scope, stopped: false, actor, reason, tenantId })
}
