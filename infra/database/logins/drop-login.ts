import { TerminalError } from '@chimera/contracts/errors'

import { quoted } from '../backup/catalogue.ts'
import type { Database } from '../open-database.ts'
import { listLogins } from './list-logins.ts'

/**
 * Drops a login of this database and ends its connections; returns how many that were. Throws
 * INPUT_INVALID where the database has no such login: other users of the server are left alone.
 */
export async function dropLogin(database: Database, name: string): Promise<number> {
  return database.transaction(async (tx) => {
    if (!(await listLogins(tx)).some((login) => login.name === name)) {
      throw new TerminalError(
        'INPUT_INVALID',
        `This database has no login ${name}. See: chimera database login ls`,
      )
    }
    // Whoever made it may not end its connections before it is one of its members.
    await tx.query({ text: `ALTER ROLE ${quoted(name)} NOLOGIN` })
    await tx.query({ text: `GRANT ${quoted(name)} TO CURRENT_USER` })
    const ended = await tx.query({
      text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1`,
      values: [name],
    })
    const databases = await tx.query<{ name: string }>({
      text: `SELECT d.datname AS name FROM pg_database d
        WHERE EXISTS (SELECT FROM aclexplode(d.datacl) a JOIN pg_roles r ON r.oid = a.grantee
          WHERE r.rolname = $1)`,
      values: [name],
    })
    for (const each of databases) {
      await tx.query({
        text: `REVOKE ALL ON DATABASE ${quoted(each.name)} FROM ${quoted(name)}`,
      })
    }
    await tx.query({ text: `DROP ROLE ${quoted(name)}` })
    return ended.length
  })
}
