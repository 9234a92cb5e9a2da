import { expireApprovals } from '@chimera/infra/database/approvals/expire-approvals'
import type { FoundKey } from '@chimera/infra/database/sweeps/read-swept'

import { PAGE, ringJudge, showOnFeed, type KeeperDeps } from '../duties/keeper-deps.ts'
import type { Duty } from '../duties/run-duties.ts'

/**
 * Ends requests for approval that nobody answered in time, and has their tasks judged: the effect
 * expires and the task fails. Works while stopped.
 */
export function approvalDuty(deps: KeeperDeps): Duty {
  return {
    name: 'approvals',
    deadlineMs: 30_000,
    next: async (signal) => {
      const overview = await deps.sweep.next(signal)
      return async (round) => {
        if (!overview.lateApprovals) return
        let after: FoundKey | null = null
        do {
          const page = await expireApprovals(deps.database, {
            actor: deps.actor,
            limit: PAGE,
            after,
          })
          after = page.after
          const { tasks, audit } = page
          if (tasks.length === 0) continue
          deps.log.info({ tasks: tasks.length }, 'nobody approved in time')
          deps.crash('keeper.sweep.before_publish')
          await deps.publisher.publish([
            ...tasks.map(({ id, tenantId }) => ringJudge({ look_at: 'task', id }, tenantId)),
            ...showOnFeed(audit),
          ])
        } while (after !== null && !round.aborted)
      }
    },
  }
}
