import { readFile } from 'node:fs/promises'

import { openLog } from '@chimera/runtime/log'

import { keepLogin } from '../../database/logins/keep-login.ts'
import type { RoleName } from '../../database/logins/login-names.ts'
import { loginOfUrl, urlOfLogin } from '../../database/logins/url-of-login.ts'
import { openDatabase } from '../../database/open-database.ts'
import type { StackLog } from '../stack-log.ts'
import type { StateDirPaths } from '../state-dir.ts'
import { replaceSecret } from './secret-file.ts'

/**
 * Makes or renews the logins of this stack's processes on its database, and writes their URLs into
 * key files: one for the gateway, one for the swarm. Run after the migrations, which make the roles
 * that they are members of.
 *
 * @throws TerminalError `CONFIG_INVALID` when the user of DATABASE_URL may not make logins
 */
export async function keepDatabaseLogins(options: {
  databaseUrl: string
  paths: StateDirPaths
  log: StackLog
}): Promise<void> {
  const { databaseUrl, paths } = options
  const log = openLog({
    name: 'supervisor',
    level: 'error',
    destination: { write: (line) => options.log(line.trim()) },
  })
  const files: Record<RoleName, string> = {
    gateway: paths.keyFiles.gatewayDatabaseUrl,
    swarm: paths.keyFiles.swarmDatabaseUrl,
  }
  await using database = openDatabase({ url: databaseUrl, name: 'supervisor', log, max: 1 })
  for (const role of ['gateway', 'swarm'] as const) {
    const kept = loginOfUrl(await readIfThere(files[role]))
    const made = await keepLogin(database, { role, kept })
    await replaceSecret(files[role], urlOfLogin(databaseUrl, made))
    if (made.isOpenToAll && role === 'swarm') options.log(openToAll(made.database))
  }
}

const openToAll = (database: string): string =>
  `Every login of this PostgreSQL may connect to ${database}; only its owner can change that: ` +
  `REVOKE CONNECT ON DATABASE "${database}" FROM PUBLIC`

async function readIfThere(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
