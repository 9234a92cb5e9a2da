import { settleLapsedCalls } from '@chimera/infra/database/budgets/model-spend'

import { PAGE, type KeeperDeps } from '../duties/keeper-deps.ts'
import type { Duty } from '../duties/run-duties.ts'

/**
 * Settles in full the calls of models whose lease ran out: whoever made them died, and the provider
 * may charge for them.
 */
export function spendDuty(deps: KeeperDeps): Duty {
  return {
    name: 'spends',
    deadlineMs: 30_000,
    next: async (signal) => {
      const overview = await deps.sweep.next(signal)
      return async (round) => {
        if (!overview.lapsedCalls) return
        for (let isMore = true; isMore && !round.aborted;) {
          const lapsed = await settleLapsedCalls(deps.database, { limit: PAGE })
          if (lapsed > 0) deps.log.warn({ lapsed }, 'calls of models were settled in full')
          isMore = lapsed >= PAGE
        }
      }
    },
  }
}
