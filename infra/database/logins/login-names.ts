import type { DatabaseRole } from '../open-database.ts'

/** A user of PostgreSQL that a process of one role logs in as. */
export type Login = Readonly<{ name: string; password: string }>

/** As a person names the roles: without the prefix that keeps them apart from others' roles. */
export const DATABASE_ROLES = {
  gateway: 'chimera_gateway',
  swarm: 'chimera_swarm',
} as const satisfies Record<string, DatabaseRole>

export type RoleName = keyof typeof DATABASE_ROLES

/**
 * `<role>_<oid of the database>_<whose>`: logins are of the whole server, so that those of another
 * database or installation need other names. The oid is that of the database it was made for.
 */
const LOGIN_NAME = /^chimera_(gateway|swarm)_(\d{1,10})_([a-z0-9]{1,32})$/

/** The same for PostgreSQL. */
export const LOGIN_PATTERN = String.raw`^chimera_(gateway|swarm)_\d{1,10}_[a-z0-9]{1,32}$`

export const nameLogin = (of: { role: RoleName; oid: string; whose: string }): string =>
  `${DATABASE_ROLES[of.role]}_${of.oid}_${of.whose}`

/** What the name of a login says; undefined for every other user of the server. */
export function parseLoginName(name: string): { role: RoleName; whose: string } | undefined {
  const [, role, , whose] = LOGIN_NAME.exec(name) ?? []
  if (whose === undefined || (role !== 'gateway' && role !== 'swarm')) return undefined
  return { role, whose }
}
