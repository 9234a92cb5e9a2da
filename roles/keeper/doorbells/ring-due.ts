import { findDueTasks } from '@chimera/infra/database/sweeps/find-due'

import { PAGE, ringJudge, type KeeperDeps } from '../duties/keeper-deps.ts'
import { publishTasks } from '../duties/publish-tasks.ts'

/** Waitings that were rung and have not moved yet; beyond this some are rung twice. */
const MAX_REMEMBERED = 20_000

/**
 * Rings tasks whose `run_at` has come, each waiting once: the entry that brought the task here was
 * acknowledged when it was put off, so no queue holds it. If this ring is lost, too, the task is
 * late.
 */
export async function ringDue(deps: KeeperDeps, rung: Set<string>): Promise<void> {
  const tasks = await findDueTasks(deps.database, { limit: MAX_REMEMBERED })
  const keyed = tasks.map((task) => ({ ...task, key: `${task.id} ${task.runAtMs}` }))
  const waiting = new Set(keyed.map(({ key }) => key))
  for (const key of rung) if (!waiting.has(key)) rung.delete(key)
  const fresh = keyed.filter(({ key }) => !rung.has(key))
  for (let from = 0; from < fresh.length; from += PAGE) {
    const page = fresh.slice(from, from + PAGE)
    const taskIds = page.flatMap(({ id, phase }) => (phase === 'ready' ? [id] : []))
    const others = page.flatMap(({ id, phase, tenantId }) =>
      phase === 'judging' ? [ringJudge({ look_at: 'task', id }, tenantId)] : [],
    )
    await publishTasks(deps, { taskIds, others })
    for (const { key } of page) rung.add(key)
  }
}
