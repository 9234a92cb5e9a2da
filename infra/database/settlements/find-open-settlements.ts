import type { Database } from '../open-database.ts'
import { findSwept, readSwept } from '../sweeps/read-swept.ts'

/** A person's word that is under way, and the server that is to write it. */
export type OpenSettlement = {
  id: string
  effectId: string
  tenantId: string
  grantId: string
  effectKey: string
  account: string
  url: string
  /** The account's present boot. */
  boot: string
  /** Signed for the present boot; null: the Judge has to sign first. */
  jws: string | null
}

/** Words under way on accounts that have been opened before, the oldest first. */
export async function findOpenSettlements(
  database: Database,
  of: { limit: number },
): Promise<OpenSettlement[]> {
  const keys = await findSwept(database, { by: 'settlements_open', ...of })
  return readSwept(database, keys, (ids) => ({
    name: 'open-settlements',
    text: `SELECT s.id, s.effect_id AS "effectId", e.tenant_id AS "tenantId",
        e.grant_id AS "grantId", e.effect_key AS "effectKey", a.account, a.url, a.boot,
        CASE WHEN s.boot = a.boot THEN s.jws END AS jws
      FROM effect_settlements s
      JOIN effects e ON e.id = s.effect_id
      JOIN tool_accounts a ON a.account = e.account
      WHERE s.id = ANY($1::uuid[]) AND s.done_at IS NULL AND a.boot IS NOT NULL
        AND e.grant_id IS NOT NULL
      ORDER BY s.requested_at, s.id`,
    values: [ids],
  }))
}
