import { findDueTasks } from '@chimera/infra/database/sweeps/find-due'
import type { Overview } from '@chimera/infra/database/sweeps/read-overview'

import { PAGE, ringJudge, type KeeperDeps } from '../duties/keeper-deps.ts'
import { publishTasks } from '../duties/publish-tasks.ts'

/** Waitings that were rung and have not moved yet; beyond this some are rung twice. */
const MAX_REMEMBERED = 20_000
/** How often all due tasks are looked at, and not only those of the last seconds. */
const LOOK_BACK_EVERY_MS = 30_000
const ALL_MS = 1e12

/** Rings tasks whose `run_at` has come. */
export type DueBell = { ring(deps: KeeperDeps, overview: Overview): Promise<void> }

/**
 * Rings each waiting once: the entry that brought the task here was acknowledged when it was put
 * off, so that no queue holds it. If this ring is lost, too, the task is late.
 */
export function openDueBell(of: { now: () => number }): DueBell {
  const rung = new Set<string>()
  let roundAt = -Infinity
  let lookedBackAt = -Infinity
  return {
    async ring(deps, overview) {
      const now = of.now()
      const { due, dueWithinMs } = overview
      // After such a gap another keeper led, or the record was away.
      const isGap = now - roundAt > dueWithinMs / 2
      const isFull = isGap || now - lookedBackAt > LOOK_BACK_EVERY_MS
      if (due || isFull) {
        const withinMs = isFull ? ALL_MS : dueWithinMs
        const tasks = await findDueTasks(deps.database, { withinMs, limit: MAX_REMEMBERED })
        const keyed = tasks.map((task) => ({ task, key: `${task.id} ${task.runAtMs}` }))
        if (isFull) forgetMoved(rung, new Set(keyed.map(({ key }) => key)))
        const fresh = keyed.filter(({ key }) => !rung.has(key))
        for (let from = 0; from < fresh.length; from += PAGE) {
          const page = fresh.slice(from, from + PAGE)
          await publishDue(deps, page)
          for (const { key } of page) rung.add(key)
        }
      }
      roundAt = now
      if (isFull) lookedBackAt = now
    },
  }
}

/** Those that are not due any more have moved on. */
function forgetMoved(rung: Set<string>, waiting: ReadonlySet<string>): void {
  for (const key of rung) if (!waiting.has(key)) rung.delete(key)
}

async function publishDue(
  deps: KeeperDeps,
  page: readonly { task: Awaited<ReturnType<typeof findDueTasks>>[number] }[],
): Promise<void> {
  const tasks = page.flatMap(({ task }) => (task.phase === 'ready' ? [task] : []))
  const others = page.flatMap(({ task: { id, phase, tenantId } }) =>
    phase === 'judging' ? [ringJudge({ look_at: 'task', id }, tenantId)] : [],
  )
  await publishTasks(deps, { tasks, others })
}
