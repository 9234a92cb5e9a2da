import type { TierHealth, TierView } from '@chimera/contracts/models/router-view'

import { usdText } from '../../llm/cascade/price.ts'
import type { Sql } from '../open-database.ts'

type Row = {
  id: string
  name: string
  provider: string
  label: string
  state: TierView['state']
  failures: number
  open_until: Date | null
  cool_until: Date | null
  reason: string | null
  actor: string
  changed_at: Date
  seen_at: Date
  tier: Record<string, unknown> | null
  total: string
  ok: string
  failed: string
  latency_ms: string
  input_tokens: string
  output_tokens: string
  usd_micros: string
  last_error: string | null
  last_error_at: Date | null
}

/** More circuits than a house has keys and models. */
const MAX_ROWS = 500

/** Every circuit with its figures of the last day, in the order of the cascade. */
export async function listTiers(sql: Sql, name?: string): Promise<TierView[]> {
  const rows = await sql.query<Row>({
    name: 'list-tiers',
    text: `SELECT c.id, c.name, c.provider, c.label, c.state, c.failures, c.open_until,
        CASE WHEN c.cool_until > now() THEN c.cool_until END AS cool_until, c.reason, c.actor,
        c.changed_at, c.seen_at, c.tier, m.*
      FROM model_circuits c, LATERAL (
        SELECT coalesce(sum(total), 0) AS total, coalesce(sum(ok), 0) AS ok,
          coalesce(sum(failed), 0) AS failed, coalesce(sum(latency_ms), 0) AS latency_ms,
          coalesce(sum(input_tokens), 0) AS input_tokens,
          coalesce(sum(output_tokens), 0) AS output_tokens,
          coalesce(sum(usd_micros), 0) AS usd_micros,
          (array_agg(last_error ORDER BY last_error_at DESC NULLS LAST))[1] AS last_error,
          max(last_error_at) AS last_error_at
        FROM provider_metrics m WHERE m.circuit = c.id AND m.hour > now() - interval '24 hours'
      ) AS m
      WHERE $1::text IS NULL OR c.name = $1
      ORDER BY (c.tier ->> 'place')::int NULLS LAST, c.name, c.seen_at DESC LIMIT ${MAX_ROWS}`,
    values: [name ?? null],
  })
  return rows.map((row) => viewOf(row))
}

function viewOf(row: Row): TierView {
  const [total, failed] = [Number(row.total), Number(row.failed)]
  const time = (at: Date | null): string | null => at?.toISOString() ?? null
  return {
    name: row.name,
    provider: row.provider,
    model: row.label,
    key: row.id.slice(row.id.lastIndexOf(' ') + 1),
    state: row.state,
    health: healthOf(row, { total, failed }),
    failures: row.failures,
    open_until: time(row.open_until),
    cooling_until: time(row.cool_until),
    reason: row.reason,
    actor: row.actor,
    changed_at: row.changed_at.toISOString(),
    seen_at: row.seen_at.toISOString(),
    tier: row.tier,
    total,
    ok: Number(row.ok),
    failed,
    avg_latency_ms: total === 0 ? null : Math.round(Number(row.latency_ms) / total),
    input_tokens: Number(row.input_tokens),
    output_tokens: Number(row.output_tokens),
    usd: usdText(BigInt(row.usd_micros)),
    last_error: row.last_error,
    last_error_at: time(row.last_error_at),
  }
}

/** Shares of questions that failed (ADR-020, whose gap from 10 to 30 % is no health). */
const HEALTHY_BELOW = 0.1
const UNHEALTHY_ABOVE = 0.5

function healthOf(
  { state, open_until: until }: Row,
  { total, failed }: { total: number; failed: number },
): TierHealth {
  if (state === 'open' && until === null) return 'disabled'
  if (total === 0) return 'unknown'
  if (failed / total > UNHEALTHY_ABOVE) return 'unhealthy'
  return failed / total < HEALTHY_BELOW ? 'healthy' : 'degraded'
}
