import { expireApprovals } from '@chimera/infra/database/approvals/expire-approvals'

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
        for (let isMore = true; isMore && !round.aborted;) {
          const { tasks, audit } = await expireApprovals(deps.database, {
            actor: deps.actor,
            limit: PAGE,
          })
          if (tasks.length === 0) return
          deps.log.info({ tasks: tasks.length }, 'nobody approved in time')
          deps.crash('keeper.sweep.before_publish')
          await deps.publisher.publish([
            ...tasks.map(({ id, tenantId }) => ringJudge({ look_at: 'task', id }, tenantId)),
            ...showOnFeed(audit),
          ])
          isMore = tasks.length === PAGE
        }
      }
    },
  }
}
