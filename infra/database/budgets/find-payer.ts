import { DEFAULT_MAX_COST_USD } from '@chimera/contracts/goal'
import { usdToMicros } from '@chimera/contracts/money'

import type { Sql } from '../open-database.ts'
import type { ModelCall } from './model-spend.ts'

/** Whose budgets a call of a model is in. */
export type Payer = Pick<ModelCall, 'tenantId' | 'agentId' | 'campaignId' | 'goal'>

/** Who pays for what is asked for a goal; undefined when there is no such goal. */
export async function findPayer(
  sql: Sql,
  of: { tenantId: string; goalId: string },
): Promise<Payer | undefined> {
  const [row] = await sql.query<{
    agent_id: string
    campaign_id: string | null
    mode: string
    max_cost_usd: number | null
  }>({
    name: 'find-payer',
    text: `SELECT agent_id, campaign_id, mode, CASE
        WHEN jsonb_typeof(content -> 'max_cost_usd') = 'number'
        THEN (content ->> 'max_cost_usd')::float8 END AS max_cost_usd
      FROM goals WHERE tenant_id = $1 AND id = $2`,
    values: [of.tenantId, of.goalId],
  })
  if (row === undefined) return undefined
  return {
    tenantId: of.tenantId,
    agentId: row.agent_id,
    campaignId: row.campaign_id,
    goal: {
      id: of.goalId,
      // Models cost real money also where a goal is dry; its counter is that of simulated ones.
      mode: row.mode === 'live' ? 'live' : 'paper',
      maxCostUsdMicros: usdToMicros(row.max_cost_usd ?? DEFAULT_MAX_COST_USD),
    },
  }
}
