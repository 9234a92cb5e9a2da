import { taskStream } from '@chimera/contracts/streams'
import { loadWireTasks } from '@chimera/infra/database/judging/load-wire-tasks'
import type { SweptKey } from '@chimera/infra/database/sweeps/read-swept'
import { sqlOf, tenantsIn } from '@chimera/infra/database/tenant-database'
import type { Publication } from '@chimera/infra/streams/publisher'

import type { KeeperDeps } from './keeper-deps.ts'

/**
 * Publishes tasks as they stand on the wire now, read as their tenants, and whatever else is to be
 * told with them. A page of tasks at a time: so many tenants are seen at once.
 */
export async function publishTasks(
  { database, publisher, crash }: Pick<KeeperDeps, 'database' | 'publisher' | 'crash'>,
  of: { tasks: readonly SweptKey[]; others?: readonly Publication[] },
): Promise<void> {
  if (of.tasks.length === 0 && (of.others ?? []).length === 0) return
  const ids = of.tasks.map(({ id }) => id)
  const tasks = await loadWireTasks(sqlOf(database, tenantsIn(of.tasks)), ids)
  const publications = tasks.map(({ tenantId, task }): Publication => ({
    stream: taskStream(task.type),
    payload: task,
    tenant: tenantId,
  }))
  crash('keeper.sweep.before_publish')
  await publisher.publish([...publications, ...(of.others ?? [])])
}
