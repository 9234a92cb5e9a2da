import { taskStream } from '@chimera/contracts/streams'
import { loadWireTasks } from '@chimera/infra/database/judging/load-wire-tasks'
import type { Publication } from '@chimera/infra/streams/publisher'

import type { KeeperDeps } from './keeper-deps.ts'

/** Publishes tasks as they stand on the wire now, and whatever else is to be told with them. */
export async function publishTasks(
  { database, publisher, crash }: Pick<KeeperDeps, 'database' | 'publisher' | 'crash'>,
  of: { taskIds: readonly string[]; others?: readonly Publication[] },
): Promise<void> {
  if (of.taskIds.length === 0 && (of.others ?? []).length === 0) return
  const tasks = await loadWireTasks(database, of.taskIds)
  const publications = tasks.map(({ tenantId, task }): Publication => ({
    stream: taskStream(task.type),
    payload: task,
    tenant: tenantId,
  }))
  crash('keeper.sweep.before_publish')
  await publisher.publish([...publications, ...(of.others ?? [])])
}
