import { DEFAULT_MAX_COST_USD } from '@chimera/contracts/goal'
import { usdToMicros } from '@chimera/contracts/money'
import { effectCosts } from '@chimera/domain/budget/effect-costs'
import { movedWorth, type Prices } from '@chimera/domain/budget/usd-worth'
import type { Attempt } from '@chimera/domain/judging/attempt'
import type { BudgetLine } from '@chimera/infra/database/budgets/budget-line'
import type { BudgetRequest } from '@chimera/infra/database/budgets/reserve-budgets'
import type { RoundRow } from '@chimera/infra/database/judging/insert-rounds'

export type EffectLine = BudgetLine & { readonly effectId: string }

/**
 * What the granted rounds of one task need: US dollars and the assets that they move, each in the
 * counters of goal, campaign, agent and tenant (requirements section 4.1). Simulated money has
 * counters of its own, a dry goal needs none.
 */
export function budgetRequest(
  attempt: Attempt,
  rounds: readonly RoundRow[],
  prices?: Prices,
): BudgetRequest<EffectLine> {
  const lines = rounds
    .filter((row) => row.grant !== null && row.mode !== 'dry')
    .flatMap((row) => linesOf(attempt, row, prices))
  return { key: attempt.taskId, lines }
}

function linesOf(attempt: Attempt, row: RoundRow, prices: Prices | undefined): EffectLine[] {
  const { agentId, campaignId } = attempt.goal
  const mode = row.mode === 'live' ? 'live' : 'paper'
  const base = { effectId: row.effectId, tenantId: row.tenantId, mode } as const
  // The price gate lets nothing live come here without one; simulated money goes uncounted then.
  const moved = (prices && movedWorth(row.tool, args(row), prices)) ?? 0n
  const dollars = row.costUsdMicros + moved
  const usd = dollars === 0n ? [] : [{ asset: 'USD', amount: dollars }]
  return [...usd, ...effectCosts(row.tool, args(row))].flatMap((cost): EffectLine[] => {
    const own = cost.asset === 'USD' ? maxCostOf(attempt) : null
    const day = { ...base, ...cost, per: 'day', own: null } as const
    return [
      { ...base, ...cost, scope: 'goal', scopeId: row.goalId, per: 'ever', own },
      ...(campaignId === null ? [] : [{ ...day, scope: 'campaign', scopeId: campaignId } as const]),
      { ...day, scope: 'agent', scopeId: agentId },
      { ...day, scope: 'tenant', scopeId: row.tenantId },
    ]
  })
}

/** What the goal named, or the default. */
function maxCostOf({ goal: { content } }: Attempt): bigint {
  const named =
    typeof content === 'object' && content !== null && 'max_cost_usd' in content
      ? content.max_cost_usd
      : undefined
  return usdToMicros(typeof named === 'number' ? named : DEFAULT_MAX_COST_USD)
}

const args = (row: RoundRow): Record<string, unknown> =>
  typeof row.args === 'object' && row.args !== null ? { ...row.args } : {}
