import { DOLLARS, type BudgetView } from '@chimera/contracts/budget/cap'

import type { Sql } from '../open-database.ts'
import type { BudgetScope } from './budget-line.ts'

/** Counters and caps of one answer. */
const MOST = 1_000

type Row = {
  scope: BudgetScope
  scope_id: string
  mode: 'paper' | 'live'
  asset: string
  per: 'day' | 'ever'
  cap: string | null
  source: BudgetView['source']
  spent: string
  reserved: string
  carried: string
  resets_at: Date | null
  version_id: string | null
}

/**
 * Today's counters with the caps in force, and the caps that nothing counts against yet. Goals have
 * too many counters: theirs are shown when they are asked for, or have a cap of their own.
 */
export async function listBudgets(
  sql: Sql,
  of: { tenantId: string; scope?: BudgetScope | undefined; scopeId?: string | undefined },
): Promise<BudgetView[]> {
  const rows = await sql.query<Row>({
    text: `WITH today AS (SELECT (now() AT TIME ZONE 'UTC')::date AS day), keys AS (
        SELECT scope, scope_id, mode, asset,
          CASE WHEN b.day = 'epoch' THEN 'ever' ELSE 'day' END AS per
        FROM budgets b, today WHERE tenant_id = $1 AND b.day IN (today.day, 'epoch')
          AND (scope <> 'goal' OR $2::text = 'goal')
        UNION SELECT scope, scope_id, mode, asset, per FROM budget_caps WHERE tenant_id = $1
        UNION SELECT scope, CASE WHEN scope = 'tenant' THEN $1::text ELSE '*' END, mode, asset, per
          FROM budget_defaults
      )
      SELECT k.*, c.version_id,
        budget_cap($1::uuid, k.scope, k.scope_id, k.mode, k.asset, k.per, own.cap)::text AS cap,
        CASE WHEN c.tenant_id IS NOT NULL THEN 'set' WHEN own.cap IS NOT NULL THEN k.scope
          WHEN e.tenant_id IS NOT NULL THEN 'set_for_each' WHEN d.cap IS NOT NULL THEN 'default'
          ELSE 'none' END AS source,
        coalesce(b.spent, 0)::text AS spent, coalesce(b.reserved, 0)::text AS reserved,
        coalesce((SELECT sum(r.amount) FROM budget_reservations r
          WHERE (r.tenant_id, r.scope, r.scope_id, r.mode, r.asset)
              = ($1::uuid, k.scope, k.scope_id, k.mode, k.asset)
            AND k.per = 'day' AND r.settled IS NULL AND r.day < today.day
            AND r.day > 'epoch'), 0)::text AS carried,
        CASE WHEN k.per = 'day' THEN (today.day + 1)::timestamp AT TIME ZONE 'UTC' END AS resets_at
      FROM keys k CROSS JOIN today
      LEFT JOIN budgets b ON (b.tenant_id, b.scope, b.scope_id, b.mode, b.asset)
          = ($1::uuid, k.scope, k.scope_id, k.mode, k.asset)
        AND b.day = CASE WHEN k.per = 'ever' THEN 'epoch' ELSE today.day END
      LEFT JOIN budget_caps c ON (c.tenant_id, c.scope, c.scope_id, c.mode, c.asset, c.per)
        = ($1::uuid, k.scope, k.scope_id, k.mode, k.asset, k.per)
      LEFT JOIN budget_caps e ON (e.tenant_id, e.scope, e.scope_id, e.mode, e.asset, e.per)
        = ($1::uuid, k.scope, '*', k.mode, k.asset, k.per)
      LEFT JOIN budget_defaults d ON (d.scope, d.mode, d.asset, d.per)
        = (k.scope, k.mode, k.asset, k.per)
      CROSS JOIN LATERAL (SELECT CASE WHEN k.scope = 'goal' THEN b.cap
        WHEN k.scope = 'campaign' AND k.asset = 'USD' THEN (SELECT g.daily_budget_usd_micros
          FROM campaigns g WHERE g.tenant_id = $1::uuid AND g.id = k.scope_id) END AS cap) AS own
      WHERE ($2::text IS NULL OR k.scope = $2) AND ($3::text IS NULL OR k.scope_id = $3)
      ORDER BY k.scope, k.scope_id, k.mode, k.asset LIMIT ${MOST}`,
    values: [of.tenantId, of.scope ?? null, of.scopeId ?? null],
  })
  return rows.map((row) => ({
    ...row,
    decimals: DOLLARS.includes(row.asset) ? 6 : null,
    used_percent: percent(row),
    resets_at: row.resets_at?.toISOString() ?? null,
  }))
}

function percent({ cap, spent, reserved, carried }: Row): number | null {
  if (cap === null) return null
  const used = BigInt(spent) + BigInt(reserved) + BigInt(carried)
  if (BigInt(cap) === 0n) return 100
  return Number((used * 100n) / BigInt(cap))
}
