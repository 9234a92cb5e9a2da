import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'

/** Adds `tools ls|ledger`. */
export function registerToolsCommands(program: Command, context: CliContext): void {
  const tools = program.command('tools').description('list tool servers and read their ledgers')
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
}
