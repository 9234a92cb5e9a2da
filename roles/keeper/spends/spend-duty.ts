import { settleLapsedCalls } from '@chimera/infra/database/budgets/model-spend'
import type { FoundKey } from '@chimera/infra/database/sweeps/read-swept'

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
        let after: FoundKey | null = null
        do {
          const page = await settleLapsedCalls(deps.database, { limit: PAGE, after })
          after = page.after
          const { lapsed } = page
          if (lapsed > 0) deps.log.warn({ lapsed }, 'calls of models were settled in full')
        } while (after !== null && !round.aborted)
      }
    },
  }
}
