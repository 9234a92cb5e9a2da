import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'

/** Adds `database migrate|status|dump-schema|login`. */
export function registerDatabaseCommands(program: Command, context: CliContext): void {
  const database = program
    .command('database')
    .description("migrate the record's database, show its state, dump its schema, make its logins")
    .addHelpText('after', '\nDATABASE_URL names the database; without it the local stack does.')
  database
    .command('migrate')
    .description('bring the database to the newest version; harmless when it is there')
    .option('--json', 'print {version, applied}')
    .action(async (options: { json?: boolean }) => {
      const { migrateDatabase } = await import('./migrations.ts')
      await migrateDatabase(options, context)
    })
  database
    .command('status')
    .description('which version the database has, and what `migrate` would apply')
    .option('--json', 'print {version, newest, pending}')
    .action(async (options: { json?: boolean }) => {
      const { showStatus } = await import('./migrations.ts')
      await showStatus(options, context)
    })
  database
    .command('dump-schema')
    .description('print the schema as SQL, for review')
    .action(async () => {
      const { printSchema } = await import('./migrations.ts')
      await printSchema(context)
    })
  registerLogins(database, context)
}

/** What a process of a role logs in with, where no stack makes it. */
function registerLogins(database: Command, context: CliContext): void {
  const login = database
    .command('login')
    .description('logins of processes: the gateway, or the swarm (Planner, Worker, Judge, Keeper)')
  login
    .command('create <role>')
    .description('make a login for gateway or swarm and print its DATABASE_URL, this once')
    .option('--json', 'print {name, role, database, url}')
    .action(async (role: string, options: { json?: boolean }) => {
      const { createLogin } = await import('./logins.ts')
      await createLogin(role, options, context)
    })
  login
    .command('ls')
    .description('logins of this database')
    .option('--json', 'print a JSON array')
    .action(async (options: { json?: boolean }) => {
      const { showLogins } = await import('./logins.ts')
      await showLogins(options, context)
    })
  login
    .command('drop <name>')
    .description('drop a login of this database and end its connections')
    .option('--json', 'print {name, ended}')
    .action(async (name: string, options: { json?: boolean }) => {
      const { takeLoginBack } = await import('./logins.ts')
      await takeLoginBack(name, options, context)
    })
}
