import type { Sql } from '../open-database.ts'

/** An adoption that is under way, and the server that is to take it. */
export type OpenAdoption = {
  id: string
  account: string
  url: string
  /** The boot that was seen last: the one that waits. */
  boot: string
  /** For that boot; else the Judge has to sign first. */
  isSigned: boolean
}

/** Adoptions under way, the oldest first. */
export function findOpenAdoptions(sql: Sql, of: { limit: number }): Promise<OpenAdoption[]> {
  return sql.query({
    name: 'open-adoptions',
    text: `SELECT d.id, d.account, a.url, b.boot, 
        (d.jws IS NOT NULL AND d.boot = b.boot) AS "isSigned"
      FROM tool_adoptions d
      JOIN tool_accounts a ON a.account = d.account
      JOIN LATERAL (SELECT boot FROM tool_boots k WHERE k.account = d.account
        ORDER BY registered_at DESC LIMIT 1) b ON true
      WHERE d.done_at IS NULL ORDER BY d.requested_at, d.id LIMIT $1`,
    values: [of.limit],
  })
}
