import type { Sql } from '../open-database.ts'

/** A client that tries again after three days has to look first whether its request was done. */
const KEPT_HOURS = 72
/** Of one call, so that none takes long. */
const MAX_FORGOTTEN = 10_000

/** Forgets answers that are older than 72 h; answers how many. */
export async function forgetOldAnswers(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ n: string }>({
    text: `WITH forgotten AS (
        DELETE FROM idempotency_keys WHERE ctid IN (
          SELECT ctid FROM idempotency_keys
          WHERE created_at < now() - $1 * interval '1 hour' LIMIT ${MAX_FORGOTTEN})
        RETURNING 1
      )
      SELECT count(*) AS n FROM forgotten`,
    values: [KEPT_HOURS],
  })
  return Number(row?.n ?? 0)
}
