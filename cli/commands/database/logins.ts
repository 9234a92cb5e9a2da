import { TerminalError } from '@chimera/contracts/errors'
import { dropLogin } from '@chimera/infra/database/logins/drop-login'
import { keepLogin } from '@chimera/infra/database/logins/keep-login'
import { listLogins } from '@chimera/infra/database/logins/list-logins'
import { DATABASE_ROLES, type RoleName } from '@chimera/infra/database/logins/login-names'
import { urlOfLogin } from '@chimera/infra/database/logins/url-of-login'
import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'

import type { CliContext } from '../../context.ts'
import { findDatabaseUrl } from '../../local-stack.ts'
import { printableJson } from '../../terminal-text.ts'

type Of = { json?: boolean }

/** Makes a login for the processes of a role; its URL is shown this once. */
export async function createLogin(name: string, options: Of, context: CliContext): Promise<void> {
  const role = roleOf(name)
  const databaseUrl = await findDatabaseUrl(context)
  await using database = openOwn(databaseUrl)
  const made = await keepLogin(database, { role })
  const url = urlOfLogin(databaseUrl, made)
  if (made.isOpenToAll) {
    context.err(
      `Every login of this PostgreSQL may connect to ${made.database}: its owner decides.`,
    )
  }
  if (options.json === true) {
    const { login, database: of } = made
    return context.out(printableJson({ name: login.name, role, database: of, url }))
  }
  context.out(url)
  context.err(
    `This is the DATABASE_URL of ${WHO[role]}; it is not shown again. ` +
      `chimera database login drop ${made.login.name} takes it back.`,
  )
}

const WHO: Record<RoleName, string> = {
  gateway: 'the gateway',
  swarm: 'Planner, Worker, Judge and Keeper',
}

/** Which logins the database has. */
export async function showLogins(options: Of, context: CliContext): Promise<void> {
  await using database = openOwn(await findDatabaseUrl(context))
  const logins = await listLogins(database)
  if (options.json === true) return context.out(printableJson(logins))
  if (logins.length === 0) return context.out('The database has no logins of the roles.')
  for (const { name, role, connections } of logins) {
    context.out(`${name}  ${role}  ${connections} connections`)
  }
}

/** Takes a login back, with its connections. */
export async function takeLoginBack(name: string, options: Of, context: CliContext): Promise<void> {
  await using database = openOwn(await findDatabaseUrl(context))
  const ended = await dropLogin(database, name)
  if (options.json === true) return context.out(printableJson({ name, ended }))
  context.out(`${name} is gone, and ${ended} connections with it.`)
}

function roleOf(name: string): RoleName {
  if (name === 'gateway' || name === 'swarm') return name
  const known = Object.keys(DATABASE_ROLES).join(' and ')
  throw new TerminalError('INPUT_INVALID', `There is no role ${name}; there are ${known}.`)
}

/** As the user of DATABASE_URL, who owns the tables. */
const openOwn = (url: string): Database =>
  openDatabase({ url, name: 'cli', log: openLog({ name: 'cli', level: 'silent' }), max: 1 })
