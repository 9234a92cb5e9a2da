import type { Counted } from '../../llm/cascade/meter.ts'
import { usdText } from '../../llm/cascade/price.ts'
import type { Tier } from '../../llm/cascade/tier.ts'
import type { Database, Sql } from '../open-database.ts'

/** How long figures are kept (ADR-020). */
const KEPT = '168 hours'

/** Writes down which tiers a process may ask, so that people see them before anybody has. */
export async function enterTiers(sql: Sql, tiers: readonly Tier[]): Promise<void> {
  // In one order everywhere, so that two processes that start at once do not wait for each other.
  const rows = tiers
    .map((tier) => ({ tier, at: tiers.indexOf(tier) }))
    .toSorted((left, right) => (left.tier.circuit < right.tier.circuit ? -1 : 1))
  await sql.query({
    text: `INSERT INTO model_circuits AS c (id, name, provider, label, model, tier)
      SELECT DISTINCT ON (id) * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],
        $5::text[], $6::jsonb[]) AS of(id, name, provider, label, model, tier) ORDER BY id
      ON CONFLICT (id) DO UPDATE SET name = excluded.name, tier = excluded.tier, seen_at = now()`,
    values: [
      rows.map(({ tier }) => tier.circuit),
      rows.map(({ tier }) => tier.name),
      rows.map(({ tier }) => tier.provider),
      rows.map(({ tier }) => tier.label),
      rows.map(({ tier }) => tier.model),
      rows.map(({ tier, at }) => JSON.stringify(shown(tier, at))),
    ],
  })
}

/** A tier for people: no key, and no address that could hold one. */
const shown = (tier: Tier, place: number) => ({
  place,
  capabilities: tier.capabilities,
  context_tokens: tier.contextTokens ?? null,
  privacy: tier.privacy,
  usd_per_million: { input: usdText(tier.price.input), output: usdText(tier.price.output) },
  timeout_ms: tier.timeoutMs,
  strength: tier.strength,
})

/** Adds what was counted to this hour, and forgets what is older than a week. */
export async function addProviderMetrics(
  database: Database,
  counted: readonly Counted[],
): Promise<void> {
  const rows = counted.toSorted((left, right) => (left.tier.circuit < right.tier.circuit ? -1 : 1))
  const column = (pick: (row: Counted) => unknown): unknown[] => rows.map((row) => pick(row))
  await database.transaction(async (tx) => {
    await enterTiersSeen(tx, rows)
    await tx.query({
      name: 'add-provider-metrics',
      text: `INSERT INTO provider_metrics AS m (circuit, hour, name, total, ok, failed, latency_ms,
          input_tokens, output_tokens, usd_micros, last_error, last_error_at)
        SELECT circuit, date_trunc('hour', now()), name, total, ok, failed, latency_ms, input,
          output, micros, error, CASE WHEN error IS NOT NULL THEN now() END
        FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
          $7::bigint[], $8::bigint[], $9::bigint[], $10::text[])
          AS of(circuit, name, total, ok, failed, latency_ms, input, output, micros, error)
        ON CONFLICT (circuit, hour) DO UPDATE SET total = m.total + excluded.total,
          ok = m.ok + excluded.ok, failed = m.failed + excluded.failed,
          latency_ms = m.latency_ms + excluded.latency_ms,
          input_tokens = m.input_tokens + excluded.input_tokens,
          output_tokens = m.output_tokens + excluded.output_tokens,
          usd_micros = m.usd_micros + excluded.usd_micros,
          last_error = coalesce(excluded.last_error, m.last_error),
          last_error_at = coalesce(excluded.last_error_at, m.last_error_at), updated_at = now()`,
      values: [
        column(({ tier }) => tier.circuit),
        column(({ tier }) => tier.name),
        column(({ total }) => total),
        column(({ ok }) => ok),
        column(({ failed }) => failed),
        column(({ latencyMs }) => latencyMs),
        column(({ input }) => input),
        column(({ output }) => output),
        column(({ usdMicros }) => usdMicros.toString()),
        column(({ lastError }) => lastError),
      ],
    })
    await tx.query({
      name: 'forget-provider-metrics',
      text: `DELETE FROM provider_metrics WHERE hour < now() - interval '${KEPT}'`,
    })
  })
}

/** What was asked is there; and it is there even where a reset has just forgotten its row. */
async function enterTiersSeen(tx: Sql, rows: readonly Counted[]): Promise<void> {
  await tx.query({
    name: 'see-circuits',
    text: `INSERT INTO model_circuits (id, name, provider, label, model)
      SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
      ON CONFLICT (id) DO UPDATE SET seen_at = now()`,
    values: [
      rows.map(({ tier }) => tier.circuit),
      rows.map(({ tier }) => tier.name),
      rows.map(({ tier }) => tier.provider),
      rows.map(({ tier }) => tier.label),
      rows.map(({ tier }) => tier.model),
    ],
  })
}
