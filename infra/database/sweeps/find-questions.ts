import type { Sql } from '../open-database.ts'

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
export function findEndingGrants(sql: Sql, of: { limit: number }): Promise<EndingGrant[]> {
  return sql.query({
    name: 'ending-grants',
    text: `SELECT e.id AS "effectId", e.tenant_id AS "tenantId", e.grant_id AS "grantId",
        e.effect_key AS "effectKey", a.account, a.url, a.boot,
        CASE WHEN e.void_boot = a.boot THEN e.void_jws END AS "voidJws"
      FROM tool_accounts a, LATERAL (
        SELECT * FROM effects o
        WHERE o.account = a.account AND o.state = 'GRANTED' AND o.cancelling
        ORDER BY o.grant_expires_at, o.id LIMIT $1
      ) AS e
      WHERE a.boot IS NOT NULL AND a.state <> 'closed' ORDER BY e.id`,
    values: [of.limit],
  })
}

/** The UNKNOWN effects of one account. */
export type UnknownEffects = { account: string; url: string; grantIds: string[] }

/** UNKNOWN effects by account, at most `limit` of each: what `/control/reconcile` takes at once. */
export function findUnknownEffects(sql: Sql, of: { limit: number }): Promise<UnknownEffects[]> {
  return sql.query({
    name: 'unknown-effects',
    text: `SELECT a.account, a.url, u.ids AS "grantIds"
      FROM tool_accounts a, LATERAL (
        SELECT array_agg(o.grant_id) AS ids FROM (
          SELECT e.grant_id::text FROM effects e
          WHERE e.account = a.account AND e.state = 'UNKNOWN'
          ORDER BY e.grant_expires_at, e.id LIMIT $1
        ) AS o
      ) AS u
      WHERE u.ids IS NOT NULL ORDER BY a.account`,
    values: [of.limit],
  })
}
