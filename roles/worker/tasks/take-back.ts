import type { TaskType } from '@chimera/contracts/agent-task'
import { MAX_BATCH } from '@chimera/contracts/streams'
import { takeBackOwnLeases } from '@chimera/infra/database/tasks/take-back-own-leases'
import { findBatchTenants } from '@chimera/infra/database/tenancy/find-batch-tenants'
import type { TenantDatabase } from '@chimera/infra/database/tenant-database'
import type { Logger } from '@chimera/runtime/log'

import type { Bells } from '../bells.ts'
import type { TaskDesk } from './task-desk.ts'

/** Twice what a desk has in hand at most; more in one name is no accident that this could mend. */
const MAX_ROUNDS = 4

/**
 * What a worker of this name had in hand when it died is put back, all of it, and then taken
 * again at once. Types that this worker does not take any more wait for the doorbell of the
 * Keeper.
 */
export async function takeBackOwn(of: {
  database: TenantDatabase
  desk: TaskDesk
  bells: Bells
  worker: string
  types: readonly TaskType[]
  log: Logger
}): Promise<void> {
  const ids: string[] = []
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const batch = { of: 'leases', leasedBy: of.worker, limit: MAX_BATCH } as const
    const tenantIds = await findBatchTenants(of.database, batch)
    const { tasks, moves } = await of.database.as({ tenantIds }, () =>
      takeBackOwnLeases(of.database, { worker: of.worker, limit: MAX_BATCH }),
    )
    ids.push(...tasks.filter(({ type }) => of.types.includes(type)).map(({ id }) => id))
    await of.bells
      .feed(moves)
      .catch((err: unknown) => of.log.warn({ err }, 'the feed was not told'))
    if (tasks.length < MAX_BATCH) break
  }
  if (ids.length === 0) return
  of.log.info({ tasks: ids.length }, 'taken back from the last life of this worker')
  for (let from = 0; from < ids.length; from += MAX_BATCH) {
    await of.desk.take(ids.slice(from, from + MAX_BATCH).map((id) => ({ id })))
  }
}
