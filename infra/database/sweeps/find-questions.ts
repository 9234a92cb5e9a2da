import { inState } from '../in-state.ts'
import type { Database, Sql } from '../open-database.ts'
import { findSwept, readSwept } from './read-swept.ts'

/**
 * A grant that is to end, and whether there is a question that its ledger's present boot can
 * answer.
 */
export type EndingGrant = {
  effectId: string
  tenantId: string
  grantId: string
  effectKey: string
  account: string
  url: string
  /** The account's present boot. */
  boot: string
  /** The signed question for the present boot; null: the Judge has to sign one first. */
  voidJws: string | null
}

/**
 * Grants that are being voided, at most `limit` of each account: one server that is away must not
 * hide the others. A closed server refuses every question, and may open as another boot; one that
 * is stopped answers.
 */
export async function findEndingGrants(
  database: Database,
  of: { limit: number },
): Promise<EndingGrant[]> {
  const keys = await findSwept(database, { by: 'grants_ending', ...of })
  return readSwept(database, keys, (ids) => ({
    name: 'ending-grants',
    text: `SELECT e.id AS "effectId", e.tenant_id AS "tenantId", e.grant_id AS "grantId",
        e.effect_key AS "effectKey", a.account, a.url, a.boot,
        CASE WHEN e.void_boot = a.boot THEN e.void_jws END AS "voidJws"
      FROM effects e JOIN tool_accounts a ON a.account = e.account
      WHERE e.id = ANY($1::uuid[]) AND ${inState('e.state', 'GRANTED')} AND e.cancelling
        AND a.boot IS NOT NULL AND a.state <> 'closed' ORDER BY e.id`,
    values: [ids],
  }))
}

/** The UNKNOWN effects of one account. */
export type UnknownEffects = { account: string; url: string; grantIds: string[] }

/**
 * UNKNOWN effects by account, at most `limit` of each: what `/control/reconcile` takes at once. The
 * ids of their grants are all that a look-up names, so that no row is read for it.
 */
export function findUnknownEffects(sql: Sql, of: { limit: number }): Promise<UnknownEffects[]> {
  return sql.query({
    name: 'unknown-effects',
    text: `SELECT u.account, a.url, u.grant_ids AS "grantIds"
      FROM grants_unknown($1) u JOIN tool_accounts a USING (account) ORDER BY u.account`,
    values: [of.limit],
  })
}
