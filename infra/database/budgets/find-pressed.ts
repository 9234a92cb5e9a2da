import type { GoalKey } from '../goals/lease-goals.ts'
import type { Sql } from '../open-database.ts'
import { type BudgetScope, counterKey } from './budget-line.ts'

/** A goal that is in a budget of which 80 % or more are used today. */
export type PressedGoal = GoalKey & {
  readonly scope: BudgetScope
  readonly scopeId: string
  readonly asset: string
  readonly mode: 'paper' | 'live'
  readonly usedPercent: number
  /** Names the counter, as tasks do that wait for it. */
  readonly counter: string
}

/** Which of these goals are in a day's budget that runs low; the fullest counter of each. */
export async function findPressed(sql: Sql, keys: readonly GoalKey[]): Promise<PressedGoal[]> {
  if (keys.length === 0) return []
  const rows = await sql.query<{
    tenant_id: string
    id: string
    scope: BudgetScope
    scope_id: string
    asset: string
    mode: 'paper' | 'live'
    used_percent: number
  }>({
    name: 'find-pressed',
    text: `SELECT DISTINCT ON (g.tenant_id, g.id) g.tenant_id, g.id, b.scope, b.scope_id, b.asset,
        b.mode, CASE WHEN b.cap = 0 THEN 100
          ELSE floor((b.spent + b.reserved + b.carried) * 100 / b.cap)::int END AS used_percent
      FROM unnest($1::uuid[], $2::text[]) AS k(tenant_id, id)
      JOIN goals g ON g.tenant_id = k.tenant_id AND g.id = k.id
      JOIN budgets b ON b.tenant_id = g.tenant_id
        AND b.day = (now() AT TIME ZONE 'UTC')::date
        AND ((b.scope = 'agent' AND b.scope_id = g.agent_id)
          OR (b.scope = 'campaign' AND b.scope_id = g.campaign_id)
          OR (b.scope = 'tenant' AND b.scope_id = g.tenant_id::text))
        AND (b.mode = g.mode OR b.asset IN ('MODELUSD', 'TOKENS'))
      WHERE g.mode <> 'dry' AND b.spent + b.reserved + b.carried >= b.cap * 0.8
      ORDER BY g.tenant_id, g.id, used_percent DESC, b.scope, b.asset`,
    values: [keys.map(({ tenantId }) => tenantId), keys.map(({ id }) => id)],
  })
  return rows.map((row) => {
    const counter = {
      tenantId: row.tenant_id,
      scope: row.scope,
      scopeId: row.scope_id,
      mode: row.mode,
      asset: row.asset,
    }
    return {
      ...counter,
      id: row.id,
      usedPercent: row.used_percent,
      counter: counterKey(counter),
    }
  })
}
