import { dumpSchema } from '@chimera/infra/database/dump-schema'
import { migrate, readMigrationStatus } from '@chimera/infra/database/migrate'

import type { CliContext } from '../../context.ts'
import { findDatabaseUrl } from '../../local-stack.ts'
import { printableJson } from '../../terminal-text.ts'

/** Applies what is pending. */
export async function migrateDatabase(
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const databaseUrl = await findDatabaseUrl(context)
  const { applied, version } = await migrate({ databaseUrl, log: context.err })
  if (options.json === true) return context.out(printableJson({ version, applied }))
  context.out(`The database is at version ${version}; ${applied.length} migrations were applied.`)
}

/** Says where the database stands. */
export async function showStatus(options: { json?: boolean }, context: CliContext): Promise<void> {
  const status = await readMigrationStatus({ databaseUrl: await findDatabaseUrl(context) })
  if (options.json === true) return context.out(printableJson(status))
  const { version, newest, pending } = status
  const todo = pending.length === 0 ? 'nothing is pending' : `pending: ${pending.join(', ')}`
  context.out(`The database is at version ${version} of ${newest}; ${todo}.`)
}

/** Prints the schema. */
export async function printSchema(context: CliContext): Promise<void> {
  const schema = await dumpSchema({ databaseUrl: await findDatabaseUrl(context) })
  context.out(schema.trimEnd())
}
