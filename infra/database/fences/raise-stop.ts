import type { Database } from '../open-database.ts'
import { moveFence, type MovedFence } from './fence.ts'

/**
 * The first step of a stop (design.md section 5): once this has returned no new grant is made in
 * the scope. What was granted before is fenced by the tool servers, with the epoch returned here.
 * Stopping what is stopped raises the epoch once more.
 */
export function raiseStop(
  database: Database,
  of: { scope: string; actor: string; reason?: string; tenantId?: string },
): Promise<MovedFence> {
  const { scope, actor, reason = null, tenantId } = of
  return moveFence(database, { scope, stopped: true, actor, reason, tenantId })
}
