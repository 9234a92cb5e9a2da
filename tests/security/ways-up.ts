/** What code that may send any SQL it likes tries, to see more than its role sees. */
import type { DatabaseRole } from '@chimera/infra/database/open-database'
import pg from 'pg'

/** Statements that would bring a user to somebody else's rights, or take the wall down. */
const waysOf = (of: { owner: string; login: string; role: DatabaseRole }): string[] => {
  const [owner, login] = [`"${of.owner}"`, `"${of.login}"`]
  const other = of.role === 'chimera_gateway' ? 'chimera_swarm' : 'chimera_gateway'
  return [
    'SELECT 1',
    'RESET ROLE',
    'SET ROLE NONE',
    `SET ROLE ${owner}`,
    `RESET ROLE; SET ROLE ${owner}`,
    `RESET ROLE; SET ROLE ${other}`,
    `SET SESSION AUTHORIZATION ${owner}`,
    'RESET SESSION AUTHORIZATION',
    'SET row_security = off',
    'RESET ROLE; SET row_security = off',
    `RESET ROLE; ALTER ROLE ${login} SUPERUSER`,
    `RESET ROLE; ALTER ROLE ${login} BYPASSRLS`,
    `RESET ROLE; ALTER ROLE ${of.role} BYPASSRLS; SET ROLE ${of.role}`,
    `RESET ROLE; GRANT ${owner} TO ${login}; SET ROLE ${owner}`,
    `RESET ROLE; GRANT ${other} TO ${login}; SET ROLE ${other}`,
    'RESET ROLE; GRANT pg_read_all_data TO CURRENT_USER',
    'ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY',
    'RESET ROLE; ALTER TABLE tenants DISABLE ROW LEVEL SECURITY',
    `RESET ROLE; ALTER TABLE tenants OWNER TO ${login}`,
    'RESET ROLE; DROP POLICY one_tenant ON tenants',
    'RESET ROLE; CREATE POLICY mine ON tenants USING (true)',
  ]
}

/** SQLSTATEs of a server that says no. */
const REFUSED = new Set(['42501', '42601', '0LP01', '22023'])

/**
 * The ways on which this login sees or does more than as `role` for the tenant `own`: each is tried
 * in a transaction that is rolled back.
 */
export async function waysUp(of: {
  url: string
  role: DatabaseRole
  /** Who owns the tables. */
  owner: string
  own: string
}): Promise<string[]> {
  const client = new pg.Client({ connectionString: of.url })
  await client.connect()
  const found: string[] = []
  try {
    const login = new URL(of.url).username
    for (const way of waysOf({ ...of, login })) {
      await client.query(`BEGIN; SET LOCAL chimera.tenant = '${of.own}';
        SET LOCAL chimera.tenants = '{${of.own}}'; SET LOCAL ROLE ${of.role}`)
      const seen = await see(client, way)
      await client.query('ROLLBACK')
      const others = seen.filter((id) => id !== of.own)
      if (others.length > 0) found.push(`${way} shows ${others.length} other tenants`)
      if (way === 'SELECT 1' && seen.length !== 1) found.push('its own tenant is not seen')
    }
  } finally {
    await client.end()
  }
  return found
}

async function see(client: pg.Client, way: string): Promise<string[]> {
  try {
    await client.query(way)
    const { rows } = await client.query<{ id: string }>('SELECT id FROM tenants')
    return rows.map(({ id }) => id)
  } catch (error) {
    if (error instanceof pg.DatabaseError && REFUSED.has(error.code ?? '')) return []
    throw error
  }
}
