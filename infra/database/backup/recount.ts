import { HOUSE_ASSETS, MOVING_TOOLS, TRANSFERS } from '@chimera/contracts/budget/moving-tools'
import { DEFAULT_MAX_COST_USD } from '@chimera/contracts/goal'
import { NATIVE_ASSET, usdToMicros } from '@chimera/contracts/money'

import type { Database, Sql } from '../open-database.ts'

/** What a recount changed. */
export type Recounted = {
  readonly budgets: {
    tenant: string
    scope: string
    scope_id: string
    mode: string
    asset: string
    day: string
    reserved: string
    spent: string
    /** True when what really happened is more than the cap had allowed. */
    over_cap: boolean
  }[]
  readonly goals: number
}

/**
 * Counts anew, from the effects, what is spent and reserved: reserved is every round that is open,
 * spent every one that happened. Goals are counted from their tasks.
 */
export async function recount(of: { database: Database }): Promise<Recounted> {
  return of.database.transaction(async (tx) => {
    await reserveForImported(tx)
    await tx.query({
      text: `UPDATE budget_reservations r SET settled = CASE
          WHEN e.state = 'CONFIRMED' AND e.receipt ->> 'code' = 'REVERTED'
            AND r.asset NOT IN ('USD', '${TRANSFERS}') THEN 0
          WHEN e.state = 'CONFIRMED' THEN least(r.amount, coalesce(
            CASE WHEN r.asset = 'USD' AND NOT (e.tool = ANY ($1::text[])
                AND coalesce(e.receipt ->> 'code', '') <> 'REVERTED')
              THEN (e.receipt ->> 'cost_usd_micros')::numeric END, r.settled, r.amount))
          WHEN e.state IN ('PROPOSED', 'AWAITING_APPROVAL', 'GRANTED', 'UNKNOWN', 'NEEDS_HUMAN')
            THEN NULL
          ELSE 0 END
        FROM effects e WHERE e.id = r.effect_id`,
      values: [MOVING_TOOLS],
    })
    return { budgets: await recountBudgets(tx), goals: await recountGoals(tx) }
  })
}

/** A token that is named like a counter of the house fills none of them, whatever it is worth. */
const IS_A_TOKEN = `w.moved <> ALL ('{${HOUSE_ASSETS.join(',')}}'::text[])`

/**
 * A round that came from a ledger holds what it takes in the counters of its goal, campaign, agent
 * and tenant, as a granted one does, on the day on which it was granted: what it costs, what it
 * moves, in dollars by the newest price, and its place among the transfers of the day.
 */
async function reserveForImported(tx: Sql): Promise<void> {
  const own = usdToMicros(DEFAULT_MAX_COST_USD).toString()
  const missing = `FROM effects e
    JOIN goals g ON g.tenant_id = e.tenant_id AND g.id = e.goal_id
    CROSS JOIN LATERAL (SELECT (coalesce(e.granted_at, e.created_at) AT TIME ZONE 'UTC')::date
      AS granted_on, CASE WHEN e.mode = 'live' THEN 'live' ELSE 'paper' END AS counted_as,
      CASE WHEN e.tool = 'transfer_native' THEN '${NATIVE_ASSET}' ELSE e.args ->> 'asset' END
        AS moved, CASE WHEN e.args ->> 'amount' ~ '^[1-9][0-9]{0,77}$'
        THEN (e.args ->> 'amount')::numeric END AS units) AS w
    LEFT JOIN LATERAL (SELECT ceil(w.units * p.usd_micros / 10::numeric ^ p.decimals) AS micros
      FROM asset_prices p WHERE p.tenant_id = e.tenant_id AND p.asset = w.moved
        AND ${IS_A_TOKEN} AND e.tool = ANY ($1::text[])
      ORDER BY p.taken_at DESC LIMIT 1) AS worth ON true
    CROSS JOIN LATERAL (VALUES
      ('goal', e.goal_id, 'epoch'::date), ('campaign', g.campaign_id, w.granted_on),
      ('agent', g.agent_id, w.granted_on), ('tenant', e.tenant_id::text, w.granted_on)
    ) AS c(scope, scope_id, day)
    CROSS JOIN LATERAL (VALUES
      ('USD', e.cost_usd_micros + coalesce(worth.micros, 0)),
      ('${TRANSFERS}', CASE WHEN e.tool = ANY ($1::text[]) THEN 1 ELSE 0 END),
      (w.moved, CASE WHEN e.tool = ANY ($1::text[])
        AND ${IS_A_TOKEN} THEN w.units END)
    ) AS a(asset, amount)
    WHERE a.amount > 0 AND a.asset ~ '^[A-Z][A-Z0-9]{1,11}$' AND e.mode <> 'dry'
      AND e.grant_id IS NOT NULL AND c.scope_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM budget_reservations r WHERE r.effect_id = e.id)`
  await tx.query({
    text: `INSERT INTO budgets (tenant_id, scope, scope_id, mode, asset, day, cap)
      SELECT DISTINCT e.tenant_id, c.scope, c.scope_id, w.counted_as, a.asset, c.day,
        CASE WHEN c.scope = 'goal' AND a.asset = 'USD' THEN $2::numeric END
      ${missing}
      ON CONFLICT DO NOTHING`,
    values: [MOVING_TOOLS, own],
  })
  await tx.query({
    text: `INSERT INTO budget_reservations
        (holder_id, effect_id, tenant_id, scope, scope_id, mode, asset, day, amount)
      SELECT e.id, e.id, e.tenant_id, c.scope, c.scope_id, w.counted_as, a.asset, c.day, a.amount
      ${missing}`,
    values: [MOVING_TOOLS],
  })
}

/** What happened happened: a cap that it breaks is raised to it, and told. */
async function recountBudgets(tx: Sql): Promise<Recounted['budgets']> {
  return tx.query<Recounted['budgets'][number]>({
    text: `WITH sums AS (
        SELECT b.tenant_id, b.scope, b.scope_id, b.mode, b.asset, b.day, b.cap AS old_cap,
          coalesce(sum(r.amount) FILTER (WHERE r.settled IS NULL), 0) AS reserved,
          coalesce(sum(r.settled), 0) AS spent
        FROM budgets b
        LEFT JOIN budget_reservations r USING (tenant_id, scope, scope_id, mode, asset, day)
        GROUP BY b.tenant_id, b.scope, b.scope_id, b.mode, b.asset, b.day
      )
      UPDATE budgets b SET reserved = s.reserved, spent = s.spent, carried = 0,
        cap = CASE WHEN b.cap IS NOT NULL THEN greatest(b.cap, s.reserved + s.spent) END
      FROM sums s
      WHERE (b.tenant_id, b.scope, b.scope_id, b.mode, b.asset, b.day)
          = (s.tenant_id, s.scope, s.scope_id, s.mode, s.asset, s.day)
        AND (b.reserved, b.spent) IS DISTINCT FROM (s.reserved, s.spent)
      RETURNING b.tenant_id::text AS tenant, b.scope, b.scope_id, b.mode, b.asset, b.day::text,
        b.reserved::text, b.spent::text, coalesce(b.cap > s.old_cap, false) AS over_cap`,
  })
}

async function recountGoals(tx: Sql): Promise<number> {
  const rows = await tx.query({
    text: `UPDATE goals g SET tasks_total = c.total, tasks_open = c.open, tasks_failed = c.failed,
        version_id = new_version()
      FROM (SELECT t.tenant_id, t.goal_id, count(*)::int AS total,
          count(*) FILTER (WHERE t.status NOT IN ('COMPLETED', 'FAILED'))::int AS open,
          count(*) FILTER (WHERE t.status = 'FAILED' AND t.plan = p.plan)::int AS failed
        FROM tasks t JOIN goals p ON p.tenant_id = t.tenant_id AND p.id = t.goal_id
        GROUP BY t.tenant_id, t.goal_id) AS c
      WHERE g.tenant_id = c.tenant_id AND g.id = c.goal_id
        AND (g.tasks_total, g.tasks_open, g.tasks_failed)
          IS DISTINCT FROM (c.total, c.open, c.failed)
      RETURNING g.id`,
  })
  return rows.length
}
