import { randomBytes } from 'node:crypto'

import { TerminalError } from '@chimera/contracts/errors'
import pg from 'pg'

import { quoted } from '../backup/catalogue.ts'
import type { Database, Sql } from '../open-database.ts'
import {
  DATABASE_ROLES,
  LOGIN_PATTERN,
  nameLogin,
  parseLoginName,
  type Login,
  type RoleName,
} from './login-names.ts'
import { scramVerifier } from './scram-verifier.ts'
import { faultOfLogin, type LoginFault } from './step-down.ts'

/** Any number that nobody else takes: the letters "logi" as bytes. */
const LOCK = 0x6c6f6769
/** insufficient_privilege. */
const NOT_ALLOWED = '42501'

/** A login of the database that was asked, and what is left to a superuser. */
export type KeptLogin = Readonly<{
  login: Login
  database: string
  /** Anybody of this server may still connect to the database: its owner is somebody else. */
  isOpenToAll: boolean
}>

/**
 * Makes the login that processes of a role use on this database, or renews the one that is kept:
 * its password is what `kept` says, whatever it was. It is a member of the role, of nothing else,
 * and connects to this database alone: PUBLIC, which means everybody, loses the right to connect.
 *
 * @param database - as a user who may create roles and give the two of them away
 * @throws TerminalError `CONFIG_INVALID` where that user may not, with what a superuser types; and
 * where somebody has made the login more than it has to be
 */
export async function keepLogin(
  database: Database,
  of: { role: RoleName; kept?: Login | undefined },
): Promise<KeptLogin> {
  try {
    const made = await database.transaction((tx) => makeLogin(tx, of))
    await dropOrphans(database)
    return made
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== NOT_ALLOWED) throw error
    const [who] = await database.query<{ name: string }>({ text: 'SELECT current_user AS name' })
    const user = quoted(who?.name ?? '')
    throw new TerminalError(
      'CONFIG_INVALID',
      `The user of DATABASE_URL may not make logins (${error.message}): let a superuser run ` +
        `ALTER ROLE ${user} CREATEROLE; ` +
        `GRANT chimera_gateway, chimera_swarm TO ${user} WITH ADMIN OPTION;`,
      { cause: error },
    )
  }
}

type At = { oid: string; name: string; is_kept_here: boolean; is_open: boolean }

async function makeLogin(
  tx: Sql,
  { role, kept }: { role: RoleName; kept?: Login | undefined },
): Promise<KeptLogin> {
  await tx.query({ text: 'SELECT pg_advisory_xact_lock($1)', values: [LOCK] })
  const known = parseLoginName(kept?.name ?? '')
  const own = known?.role === role ? kept : undefined
  const at = await lookAround(tx, own?.name ?? '')
  const fresh = nameLogin({
    role,
    oid: at.oid,
    whose: own === undefined ? randomBytes(6).toString('hex') : (known?.whose ?? ''),
  })
  const login: Login = {
    // After a restore the database is another one, to which the login was moved.
    name: own !== undefined && at.is_kept_here ? own.name : fresh,
    password: own?.password ?? randomBytes(32).toString('base64url'),
  }
  const name = quoted(login.name)
  const group = DATABASE_ROLES[role]
  const verb = (await isThere(tx, login.name))
    ? `ALTER ROLE ${name} LOGIN`
    : `CREATE ROLE ${name} LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB
        NOREPLICATION`
  await tx.query({ text: `${verb} PASSWORD '${scramVerifier(login.password)}'` })
  if (!(await isMember(tx, login.name, group))) {
    await tx.query({ text: `GRANT ${group} TO ${name}` })
  }
  const isOpenToAll = await letConnect(tx, at, login.name)
  const [row] = await tx.query<LoginFault>({
    text: faultOfLogin('$1', group),
    values: [login.name],
  })
  if (row === undefined || row.fault !== null) {
    throw new TerminalError(
      'CONFIG_INVALID',
      `The login ${login.name} ${row?.fault ?? 'is not there'}. ` +
        `Undo that, or drop it: chimera database login drop ${login.name}`,
    )
  }
  return { login, database: at.name, isOpenToAll }
}

async function lookAround(tx: Sql, name: string): Promise<At> {
  const [at] = await tx.query<At>({
    text: `SELECT d.oid::text AS oid, d.datname AS name,
      EXISTS (SELECT FROM aclexplode(d.datacl) a JOIN pg_roles r ON r.oid = a.grantee
        WHERE r.rolname = $1 AND a.privilege_type = 'CONNECT') AS is_kept_here,
      has_database_privilege('public', d.oid, 'CONNECT') AS is_open
      FROM pg_database d WHERE d.datname = current_database()`,
    values: [name],
  })
  if (at === undefined) throw new TerminalError('CONFIG_INVALID', 'The database is gone.')
  return at
}

async function isThere(tx: Sql, name: string): Promise<boolean> {
  const text = 'SELECT FROM pg_roles WHERE rolname = $1'
  return (await tx.query({ text, values: [name] })).length > 0
}

async function isMember(tx: Sql, name: string, group: string): Promise<boolean> {
  const [row] = await tx.query<{ is_member: boolean }>({
    text: `SELECT pg_has_role($1::name, oid, 'MEMBER') AS is_member FROM pg_roles
      WHERE rolname = $2`,
    values: [name, group],
  })
  return row?.is_member === true
}

/** Who is not the database's owner is warned here and changes nothing; that is what is answered. */
async function letConnect(tx: Sql, at: At, login: string): Promise<boolean> {
  const database = quoted(at.name)
  if (at.is_open) await tx.query({ text: `REVOKE CONNECT ON DATABASE ${database} FROM PUBLIC` })
  await tx.query({ text: `GRANT CONNECT ON DATABASE ${database} TO ${quoted(login)}` })
  return (await lookAround(tx, login)).is_open
}

/** Logins whose database is gone, and which were moved to no other, are of no use to anybody. */
async function dropOrphans(database: Database): Promise<void> {
  const orphans = await database.query<{ name: string }>({
    text: `SELECT r.rolname AS name FROM pg_roles r
      WHERE r.rolname ~ $1
        AND NOT EXISTS (SELECT FROM pg_database d
          WHERE d.oid::text = split_part(r.rolname, '_', 3))
        AND NOT EXISTS (SELECT FROM pg_database d, aclexplode(d.datacl) a WHERE a.grantee = r.oid)`,
    values: [LOGIN_PATTERN],
  })
  for (const { name } of orphans) {
    // Somebody else's to drop, or dropped by another start at this moment: it stays or is gone.
    await database.query({ text: `DROP ROLE IF EXISTS ${quoted(name)}` }).catch(() => undefined)
  }
}
