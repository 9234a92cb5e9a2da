import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { wholeNumber } from '../../option-values.ts'
import type { AdoptOptions } from './adopt-ledger.ts'
import { registerClientTokenCommands } from './client-token-commands.ts'

const MAX_WAIT_S = 86_400

/** Adds `tools ls|ledger|adopt|token`. */
export function registerToolsCommands(program: Command, context: CliContext): void {
  const tools = program
    .command('tools')
    .description('list tool servers, let MCP clients in, read and restore ledgers')
  registerClientTokenCommands(tools, context)
  tools
    .command('ls')
    .description('tool servers: whose account, which back end, open or not')
    .option('--json', 'print a JSON array')
    .action(async (options: { json?: boolean }) => {
      const { listTools } = await import('./list-tools.ts')
      await listTools(options, context)
    })
  tools
    .command('ledger <name>')
    .description('what a tool server did and left undone; also when it is dead')
    .option('--jsonl', 'a JSON object per line')
    .action(async (name: string, options: { jsonl?: boolean }) => {
      const { printLedger } = await import('./print-ledger.ts')
      await printLedger(name, options, context)
    })
  tools
    .command('adopt <account>')
    .description('write what the record knows into a ledger that was lost or is older')
    .option('--yes', 'do it')
    .option(
      '--timeout <seconds>',
      'wait at most so long for the server to open',
      wholeNumber({ least: 1, most: MAX_WAIT_S }),
      60,
    )
    .option('--json', 'print JSON')
    .action(async (account: string, options: AdoptOptions) => {
      const { adoptLedger } = await import('./adopt-ledger.ts')
      await adoptLedger(account, options, context)
    })
}
