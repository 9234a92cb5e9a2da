import { wakeWaiting, type WhatHeld } from '@chimera/infra/database/fences/wake-waiting'
import type { Sql } from '@chimera/infra/database/open-database'

import { noted, type Doorbell } from '../goals/doorbell.ts'

/** Makes what a stop or a pause held back due, in the tenant of the caller, and rings for it. */
export async function ringWoken(
  { database, doorbell }: { database: Sql; doorbell: Doorbell },
  held: WhatHeld,
): Promise<void> {
  for await (const tasks of wakeWaiting(database, { for: held })) {
    const bells = tasks.map(({ id, tenantId }) => ({
      stream: 'chimera:results' as const,
      tenant: tenantId,
      payload: { look_at: 'task', id },
    }))
    doorbell.ring(bells, noted([]))
  }
}
