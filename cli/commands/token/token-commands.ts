import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { commaNames, wholeNumber } from '../../option-values.ts'
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
    .option('--tenant <id>', 'of another tenant than the default one')
    .option('--days <n>', 'it ends after so many days', wholeNumber({ least: 1, most: MAX_DAYS }))
    .option('--json', 'print JSON')
    .action(async (name: string, options: CreateOptions) => {
      const { create } = await import('./tokens.ts')
      await create(name, options, context)
    })
  token
    .command('ls')
    .description('tokens, newest first')
    .option('--tenant <id>', 'of another tenant than the default one')
    .option('--json', 'print a JSON array')
    .action(async (options: { tenant?: string; json?: boolean }) => {
      const { list } = await import('./tokens.ts')
      await list(options, context)
    })
  token
    .command('revoke <id-or-name>')
    .description('refuse a token from the next request on')
    .option('--tenant <id>', 'of another tenant than the default one')
    .option('--json', 'print JSON')
    .action(async (idOrName: string, options: { tenant?: string; json?: boolean }) => {
      const { revoke } = await import('./tokens.ts')
      await revoke(idOrName, options, context)
    })
}
