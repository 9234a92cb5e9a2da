import type { Database, Sql } from '../open-database.ts'
import { LOGIN_PATTERN, parseLoginName, type RoleName } from './login-names.ts'

/** A login of this database, and how many connections it has at the moment. */
export type ListedLogin = { name: string; role: RoleName; connections: number }

/** Logins that were made for this database or moved to it by a restore, by name. */
export async function listLogins(database: Database | Sql): Promise<ListedLogin[]> {
  const rows = await database.query<{ name: string; connections: number }>({
    text: `SELECT r.rolname AS name, (SELECT count(*)::int FROM pg_stat_activity s
        WHERE s.usesysid = r.oid AND s.datid = d.oid) AS connections
      FROM pg_database d, pg_roles r
      WHERE d.datname = current_database() AND r.rolname ~ $1
        AND (split_part(r.rolname, '_', 3) = d.oid::text
          OR EXISTS (SELECT FROM aclexplode(d.datacl) a WHERE a.grantee = r.oid))
      ORDER BY r.rolname`,
    values: [LOGIN_PATTERN],
  })
  return rows.flatMap(({ name, connections }) => {
    const role = parseLoginName(name)?.role
    return role === undefined ? [] : [{ name, role, connections }]
  })
}
