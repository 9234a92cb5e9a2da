import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'

/** Adds `database migrate|status|dump-schema`. */
export function registerDatabaseCommands(program: Command, context: CliContext): void {
  const database = program
    .command('database')
    .description("migrate the record's database, show its state, dump its schema")
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
}
