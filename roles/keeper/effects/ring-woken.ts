import { wakeForServer } from '@chimera/infra/database/sweeps/wake-for-server'

import { ringJudge, type KeeperDeps } from '../duties/keeper-deps.ts'

/** Has tasks judged again that waited for a tool server which is open now. */
export async function ringWoken(
  deps: Pick<KeeperDeps, 'database' | 'publisher'>,
  signal: AbortSignal,
): Promise<void> {
  for await (const tasks of wakeForServer(deps.database)) {
    await deps.publisher.publish(
      tasks.map(({ id, tenantId }) => ringJudge({ look_at: 'task', id }, tenantId)),
    )
    if (signal.aborted) return
  }
}
