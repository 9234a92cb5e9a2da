import type pg from 'pg'

import { quoted } from '../backup/catalogue.ts'
import { LOGIN_PATTERN } from './login-names.ts'

/**
 * Lets the logins of one database connect to another, and to the first one no more. Where everybody
 * else was kept out of the first, everybody else is kept out of the other.
 */
export async function moveLogins(
  client: pg.ClientBase,
  of: { from: string; to: string },
): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT r.rolname AS name FROM pg_database d, aclexplode(d.datacl) a
      JOIN pg_roles r ON r.oid = a.grantee
      WHERE d.datname = $1 AND a.privilege_type = 'CONNECT' AND r.rolname ~ $2`,
    [of.from, LOGIN_PATTERN],
  )
  for (const { name } of rows) {
    await client.query(`GRANT CONNECT ON DATABASE ${quoted(of.to)} TO ${quoted(name)}`)
    await client.query(`REVOKE ALL ON DATABASE ${quoted(of.from)} FROM ${quoted(name)}`)
  }
  const open = await client.query<{ is_open: boolean }>(
    `SELECT has_database_privilege('public', $1::text, 'CONNECT') AS is_open`,
    [of.from],
  )
  if (open.rows[0]?.is_open === false) {
    await client.query(`REVOKE CONNECT ON DATABASE ${quoted(of.to)} FROM PUBLIC`)
  }
}
