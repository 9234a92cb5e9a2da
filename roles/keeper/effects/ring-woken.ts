import { wakeWaiting } from '@chimera/infra/database/fences/wake-waiting'

import { ringJudge, type KeeperDeps } from '../duties/keeper-deps.ts'

/** Has tasks judged again that waited for a tool server which is open now. */
export async function ringWoken(
  deps: Pick<KeeperDeps, 'database' | 'publisher'>,
  signal: AbortSignal,
): Promise<void> {
  for await (const tasks of wakeWaiting(deps.database, { for: 'server' })) {
    await deps.publisher.publish(
      tasks.map(({ id, tenantId }) => ringJudge({ look_at: 'task', id }, tenantId)),
    )
    if (signal.aborted) return
  }
}
