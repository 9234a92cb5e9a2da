import { callbackify } from 'node:util'

import { RetryableError } from '@chimera/contracts/errors'
import pg from 'pg'

import type { DatabaseRole } from '../open-database.ts'

/**
 * Why this user must not work as `role`, or null: he could step back up. One role is all that he
 * may be a member of; whatever else he could take on (the owner of the tables, the other role,
 * pg_read_all_data and its like) is more than that. Nor may he or the role own anything here: the
 * owner of a table takes its policies away. The columns are `login` and `fault`.
 *
 * @param login - an expression that says the user's name
 */
export const faultOfLogin = (login: string, role: DatabaseRole): string => `
  SELECT u.rolname AS login, CASE
    WHEN u.rolsuper THEN 'is a superuser'
    WHEN u.rolbypassrls THEN 'bypasses row-level security (BYPASSRLS)'
    WHEN u.rolcreaterole THEN 'may give itself other roles (CREATEROLE)'
    WHEN u.rolreplication THEN 'may copy the whole server (REPLICATION)'
    WHEN owned.by IS NOT NULL THEN 'owns what is in this database, or its role does'
    WHEN other.name IS NOT NULL THEN 'is a member of ' || other.name
    WHEN g.oid IS NULL OR NOT pg_has_role(u.oid, g.oid, 'MEMBER') THEN 'is no member of ${role}'
    WHEN g.rolsuper OR g.rolbypassrls OR g.rolcreaterole OR g.rolreplication
      THEN 'is a member of ${role}, which is more than a role of tenants here'
  END AS fault
  FROM pg_roles u
  LEFT JOIN pg_roles g ON g.rolname = '${role}'
  LEFT JOIN LATERAL (SELECT min(o.rolname::text) AS name FROM pg_roles o
    WHERE o.oid NOT IN (u.oid, coalesce(g.oid, 0)) AND pg_has_role(u.oid, o.oid, 'MEMBER')
  ) other ON true
  LEFT JOIN LATERAL (SELECT min(d.refobjid::int8) AS by FROM pg_shdepend d
    WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid IN (u.oid, g.oid)
      AND d.deptype = 'o'
      AND (d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        OR d.classid = 'pg_database'::regclass)
  ) owned ON true
  WHERE u.rolname = ${login}`

export type LoginFault = { login: string; fault: string | null }

/** insufficient_privilege: a membership that was given without the right to SET ROLE. */
const NOT_HIS = '42501'

/**
 * Takes a role on for as long as the connection lives (SET ROLE, as a function), in one round trip
 * with the look at who has logged in. Throws DATABASE_LOGIN_REFUSED where that user could step back
 * up.
 */
export async function stepDown(client: pg.ClientBase, role: DatabaseRole): Promise<void> {
  const { rows } = await client
    .query<LoginFault>(
      `SELECT login, fault,
          CASE WHEN fault IS NULL THEN set_config('role', '${role}', false) END AS role
        FROM (${faultOfLogin('session_user', role)}) AS looked`,
    )
    .catch((cause: unknown) => {
      if (!(cause instanceof pg.DatabaseError) || cause.code !== NOT_HIS) throw cause
      throw refusal('The login of DATABASE_URL', `may not: ${cause.message}`, role, cause)
    })
  const [row] = rows
  if (row === undefined) throw refusal('The login of DATABASE_URL', 'is gone', role)
  if (row.fault !== null) throw refusal(`The login ${row.login}`, row.fault, role)
}

/** Runs once on each new connection; one that fails it is closed, and whoever waits is told. */
export const stepDownTo = (role: DatabaseRole): NonNullable<pg.PoolConfig['verify']> =>
  callbackify((client: pg.ClientBase) => stepDown(client, role))

/** It may be tried again: a login that was made right is let in, and no work is lost meanwhile. */
function refusal(
  who: string,
  fault: string,
  role: DatabaseRole,
  cause?: pg.DatabaseError,
): RetryableError {
  const name = role.replace('chimera_', '')
  return new RetryableError(
    'DATABASE_LOGIN_REFUSED',
    `${who} is not used as ${role}, because it ${fault}. ` +
      `A login that can do no more is made by: chimera database login create ${name}`,
    cause === undefined ? {} : { cause },
  )
}
