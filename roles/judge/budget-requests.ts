import { DEFAULT_MAX_COST_USD } from '@chimera/contracts/goal'
import { usdToMicros } from '@chimera/contracts/money'
import type { Attempt } from '@chimera/domain/judging/attempt'
import type { BudgetRequest } from '@chimera/infra/database/budgets/reserve-budgets'
import type { RoundRow } from '@chimera/infra/database/judging/insert-rounds'

/** One cap per goal: what the goal named, or the default (requirements section 4.1, Q39). */
export function budgetRequests(attempt: Attempt, rounds: readonly RoundRow[]): BudgetRequest[] {
  const content = attempt.goal.content
  const named =
    typeof content === 'object' && content !== null && 'max_cost_usd' in content
      ? content.max_cost_usd
      : undefined
  const cap = usdToMicros(typeof named === 'number' ? named : DEFAULT_MAX_COST_USD)
  return rounds
    .filter((row) => row.grant !== null)
    .map((row) => ({
      effectId: row.effectId,
      lines:
        row.costUsdMicros === 0n
          ? []
          : [
              {
                tenantId: row.tenantId,
                scope: 'goal' as const,
                scopeId: row.goalId,
                asset: 'USD',
                day: 'epoch',
                amount: row.costUsdMicros,
                cap,
              },
            ],
    }))
}
