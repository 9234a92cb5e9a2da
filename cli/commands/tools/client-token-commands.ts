import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { commaNames, endWithin } from '../../option-values.ts'
import { registerKeptTokens } from '../token/kept-tokens.ts'
import type { ClientTokenOptions } from './client-tokens.ts'

const MAX_DAYS = 366
/** A quarter of a year. */
const DAYS = 90

/** Adds `tools token create|ls|revoke`. */
export function registerClientTokenCommands(tools: Command, context: CliContext): void {
  const token = tools
    .command('token')
    .description('make, list and revoke the tokens of MCP clients over HTTP')
  token
    .command('create <name>')
    .description('make a token for one MCP client; it is shown once')
    .requiredOption('--scope <scopes>', 'what it may, by comma: tweet:read,tweet:write', commaNames)
    .option('--server <servers>', 'tool servers or accounts that take it, by comma', commaNames)
    .option(
      '--expires <when>',
      '12h, 90d or a time of ISO 8601',
      endWithin({ days: MAX_DAYS }),
      endWithin({ days: DAYS })(`${DAYS}d`),
    )
    .option('--json', 'print JSON')
    .action(async (name: string, options: ClientTokenOptions) => {
      const { create } = await import('./client-tokens.ts')
      await create(name, options, context)
    })
  registerKeptTokens(token, {
    hasTenants: false,
    load: async () => {
      const { list, revoke } = await import('./client-tokens.ts')
      return {
        list: (options) => list(options, context),
        revoke: (idOrName, options) => revoke(idOrName, options, context),
      }
    },
  })
}
