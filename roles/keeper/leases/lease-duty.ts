import { MAX_LEASES_LOST } from '@chimera/domain/retry'
import { findLostPlans } from '@chimera/infra/database/sweeps/find-waiting'
import type { FoundKey } from '@chimera/infra/database/sweeps/read-swept'
import { releaseLostLeases } from '@chimera/infra/database/sweeps/release-lost-leases'

import { PAGE, ringPlanner, showOnFeed, type KeeperDeps } from '../duties/keeper-deps.ts'
import { publishTasks } from '../duties/publish-tasks.ts'
import { openRingMemory } from '../duties/ring-memory.ts'
import type { Duty } from '../duties/run-duties.ts'

/**
 * Takes back what was claimed and never finished: tasks whose lease ran out by the database clock
 * go back to the ready ones and are published again; goals whose planning lease ran out are rung.
 */
export function leaseDuty(deps: KeeperDeps): Duty {
  const rung = openRingMemory({ now: () => performance.now() })
  return {
    name: 'leases',
    deadlineMs: 30_000,
    next: async (signal) => {
      const overview = await deps.sweep.next(signal)
      return async (round) => {
        if (overview.lostLeases) await releaseTasks(deps, round)
        if (!overview.lostPlans) return
        const goals = await findLostPlans(deps.database, { limit: PAGE })
        const due = goals.filter((goal) => rung.mayRing(`${goal.tenantId} ${goal.id}`))
        if (due.length === 0) return
        deps.crash('keeper.sweep.before_publish')
        await deps.publisher.publish(due.map(ringPlanner))
        for (const goal of due) rung.noteRing(`${goal.tenantId} ${goal.id}`)
      }
    },
  }
}

async function releaseTasks(deps: KeeperDeps, signal: AbortSignal): Promise<void> {
  let after: FoundKey | null = null
  do {
    const page = await releaseLostLeases(deps.database, {
      actor: deps.actor,
      limit: PAGE,
      after,
      maxLeasesLost: MAX_LEASES_LOST,
    })
    const { ready, dead, audit } = page
    // A crash from here on loses a doorbell, which the other duty rings again.
    await publishTasks(deps, { tasks: ready, others: showOnFeed(audit) })
    if (ready.length + dead.length > 0) {
      deps.log.info({ ready: ready.length, dead: dead.length }, 'took lost leases back')
    }
    after = page.after
  } while (after !== null && !signal.aborted)
}
