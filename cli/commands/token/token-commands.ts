import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { commaNames, wholeNumber } from '../../option-values.ts'
import { OF_TENANT, registerKeptTokens } from './kept-tokens.ts'
import type { CreateOptions } from './tokens.ts'

const MAX_DAYS = 3_650

/** Adds `token create|ls|revoke`. */
export function registerTokenCommands(program: Command, context: CliContext): void {
  const token = program.command('token').description("make, list and revoke the gateway's tokens")
  token
    .command('create <name>')
    .description('make a token; it is shown once')
    .option('--read-only', 'it may look, not change')
    .option(
      '--role <roles>',
      'what it is for, instead: viewer, operator, approver, policy_admin, tenant_admin, auditor',
      commaNames,
    )
    .option('--user <id>', 'of a user: it then allows what the user may, too, and no more')
    .option(...OF_TENANT)
    .option('--days <n>', 'it ends after so many days', wholeNumber({ least: 1, most: MAX_DAYS }))
    .option('--json', 'print JSON')
    .action(async (name: string, options: CreateOptions) => {
      const { create } = await import('./tokens.ts')
      await create(name, options, context)
    })
  registerKeptTokens(token, {
    hasTenants: true,
    load: async () => {
      const { list, revoke } = await import('./tokens.ts')
      return {
        list: (options) => list(options, context),
        revoke: (idOrName, options) => revoke(idOrName, options, context),
      }
    },
  })
}
