import { type Sql, type Statement, write } from '../open-database.ts'
import { type BudgetScope, type Counter, counterKey } from './budget-line.ts'

/** What a holder's reservation comes to in one asset, or in all that no other line names. */
export type SettleLine = {
  readonly holderId: string
  readonly asset: string | null
  /** Null is all that was reserved; more than that never counts. */
  readonly spent: bigint | null
}

/**
 * Settles: what was spent stays spent, on the day on which it was reserved, the rest is free again.
 * Twice changes nothing. Answers the counters that have room again.
 */
export async function settleBudgets(tx: Sql, lines: readonly SettleLine[]): Promise<Counter[]> {
  if (lines.length === 0) return []
  const rows = await tx.query<{
    tenant_id: string
    scope: BudgetScope
    scope_id: string
    mode: 'paper' | 'live'
    asset: string
  }>({
    name: 'settle-budgets',
    text: `SELECT tenant_id, scope, scope_id, mode, asset
      FROM budget_settle($1::uuid[], $2::text[], $3::numeric[])`,
    values: [
      lines.map(({ holderId }) => holderId),
      lines.map(({ asset }) => asset),
      lines.map(({ spent }) => spent?.toString() ?? null),
    ],
  })
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    scope: row.scope,
    scopeId: row.scope_id,
    mode: row.mode,
    asset: row.asset,
  }))
}

/** More that wait are woken by those that settle next, or looked at again at midnight. */
const MOST_WOKEN = 100

/**
 * Makes tasks due that wait for room in these counters, those first whose results are oldest.
 * Answers their ids.
 */
export async function wakeForBudget(tx: Sql, counters: readonly Counter[]): Promise<string[]> {
  if (counters.length === 0) return []
  const woken = await tx.query<{ id: string }>(wakeStatement(counters))
  return woken.map(({ id }) => id)
}

/** The same for whoever rings nobody: the Keeper rings those that are due. */
export async function wakeUnrung(tx: Sql, counters: readonly Counter[]): Promise<void> {
  if (counters.length > 0) await write(tx, wakeStatement(counters))
}

const wakeStatement = (counters: readonly Counter[]): Statement => ({
  name: 'wake-for-budget',
  text: `WITH due AS (
      SELECT id FROM tasks WHERE phase = 'judging' AND waits_for = ANY($1::text[])
      ORDER BY result_at LIMIT ${MOST_WOKEN} FOR UPDATE SKIP LOCKED)
    UPDATE tasks t SET run_at = now(), waits_for = NULL, version_id = new_version()
    FROM due WHERE t.id = due.id RETURNING t.id`,
  values: [[...new Set(counters.map((counter) => counterKey(counter)))]],
})
