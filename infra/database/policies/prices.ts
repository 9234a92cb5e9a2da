import type { Sql } from '../open-database.ts'

/** What a whole unit of an asset was worth at a time. */
export type AssetPrice = {
  readonly tenantId: string
  readonly asset: string
  readonly decimals: number
  /** Micros of a US dollar for a whole unit of 10^decimals. */
  readonly usdMicros: bigint
  /** Milliseconds since 1970. */
  readonly takenAtMs: number
  readonly source: string
}

/** The newest price of every asset of some tenants. */
export async function readPrices(sql: Sql, tenantIds: readonly string[]): Promise<AssetPrice[]> {
  const rows = await sql.query<{
    tenant_id: string
    asset: string
    decimals: number
    usd_micros: string
    taken_at: Date
    source: string
  }>({
    name: 'read-prices',
    text: `SELECT DISTINCT ON (tenant_id, asset) tenant_id, asset, decimals, usd_micros, taken_at,
        source
      FROM asset_prices WHERE tenant_id = ANY($1::uuid[])
      ORDER BY tenant_id, asset, taken_at DESC`,
    values: [[...new Set(tenantIds)]],
  })
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    asset: row.asset,
    decimals: row.decimals,
    usdMicros: BigInt(row.usd_micros),
    takenAtMs: row.taken_at.getTime(),
    source: row.source,
  }))
}

/** Writes a price down as taken now, by the clock of the database. */
export async function setPrice(
  sql: Sql,
  of: Omit<AssetPrice, 'takenAtMs'> & { actor: string },
): Promise<void> {
  await sql.query({
    text: `INSERT INTO asset_prices (tenant_id, asset, taken_at, decimals, usd_micros, source,
        actor)
      VALUES ($1, $2, now(), $3, $4, $5, $6)
      ON CONFLICT (tenant_id, asset, taken_at) DO NOTHING`,
    values: [of.tenantId, of.asset, of.decimals, of.usdMicros.toString(), of.source, of.actor],
  })
}
