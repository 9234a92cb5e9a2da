import { isToolName, TOOLS } from '@chimera/contracts/tools'

import type { Sql } from '../open-database.ts'

/** Something to be counted in a sliding window: of whom, what, and since when. */
export type CountedWindow = {
  /** Comes back with the value. */
  readonly key: string
  readonly tenantId: string
  /** `effects`, `usd` (micros), or the base units of an asset. */
  readonly measure: string
  readonly per: 'tenant' | 'agent' | 'campaign' | 'goal' | 'account' | 'recipient'
  readonly subject: string
  readonly seconds: number
  readonly tools: readonly string[]
}

const MONEY = Object.keys(TOOLS).filter((tool) => isToolName(tool) && TOOLS[tool].money)

/**
 * What windows hold, by key; null where nobody can say, because an effect in it has no figure.
 * Granted effects and those of unknown outcome count however old they are (design.md section 6);
 * what was closed without effect does not. By the clock of the database.
 */
export async function readWindows(
  sql: Sql,
  windows: readonly CountedWindow[],
): Promise<Map<string, bigint | null>> {
  if (windows.length === 0) return new Map()
  const rows = await sql.query<{ key: string; held: string; unsaid: boolean | null }>({
    name: 'read-windows',
    text: `SELECT w.key, coalesce(c.held, 0)::text AS held, c.unsaid
      FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::float8[],
          $7::text[]) AS w(key, tenant_id, measure, per, subject, seconds, tools)
      LEFT JOIN LATERAL (
        SELECT sum(CASE w.measure WHEN 'effects' THEN 1 WHEN 'usd' THEN coalesce(d.usd_micros, 0)
            ELSE CASE WHEN d.asset = w.measure THEN coalesce(d.amount, 0) ELSE 0 END END) AS held,
          bool_or(w.measure <> 'effects' AND (d.effect_id IS NULL AND e.tool = ANY($8::text[])
            OR w.measure = 'usd' AND d.amount IS NOT NULL AND d.usd_micros IS NULL)) AS unsaid
        FROM effects e
        JOIN goals g ON g.tenant_id = e.tenant_id AND g.id = e.goal_id
        LEFT JOIN policy_decisions d ON d.effect_id = e.id
        WHERE e.tenant_id = w.tenant_id AND e.tool = ANY(string_to_array(w.tools, ','))
          AND (e.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN') OR (e.state = 'CONFIRMED'
            AND coalesce(e.claimed_at, e.granted_at) > now() - w.seconds * interval '1 second'))
          AND CASE w.per WHEN 'tenant' THEN true WHEN 'agent' THEN g.agent_id = w.subject
            WHEN 'campaign' THEN g.campaign_id IS NOT DISTINCT FROM w.subject
            WHEN 'goal' THEN e.goal_id = w.subject WHEN 'account' THEN e.account = w.subject
            ELSE d.recipient IS NOT DISTINCT FROM w.subject
              OR (d.effect_id IS NULL AND e.tool = ANY($8::text[])) END
      ) AS c ON true`,
    values: [
      windows.map(({ key }) => key),
      windows.map(({ tenantId }) => tenantId),
      windows.map(({ measure }) => measure),
      windows.map(({ per }) => per),
      windows.map(({ subject }) => subject),
      windows.map(({ seconds }) => seconds),
      windows.map(({ tools }) => tools.join(',')),
      MONEY,
    ],
  })
  return new Map(rows.map(({ key, held, unsaid }) => [key, unsaid === true ? null : BigInt(held)]))
}

/**
 * Holds the windows for the rest of the transaction, in the order of their keys: two Judges never
 * grant into one window at once. To be followed by a fresh look at what they hold.
 */
export async function lockWindows(tx: Sql, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  await tx.query({
    name: 'lock-windows',
    text: `SELECT pg_advisory_xact_lock(lock) FROM (
        SELECT DISTINCT hashtextextended('window ' || key, 0) AS lock
        FROM unnest($1::text[]) AS k(key) ORDER BY 1 OFFSET 0) AS l`,
    values: [[...keys]],
  })
}
