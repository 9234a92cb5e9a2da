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
    text: `SELECT key, held::text, unsaid FROM window_values($1::text[], $2::uuid[], $3::text[],
      $4::text[], $5::text[], $6::float8[], $7::text[], $8::text[])`,
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
