import type { Command } from 'commander'

import type { CliContext } from '../../context.ts'
import { wholeNumber } from '../../option-values.ts'
import type { AdoptOptions } from './adopt-ledger.ts'
import type { CallOptions } from './call-tool.ts'
import { registerClientTokenCommands } from './client-token-commands.ts'
import type { ServeOptions } from './serve-tool.ts'

const MAX_WAIT_S = 86_400

const MAX_PORT = 65_535

/** Adds `tools ls|serve|call|show|ledger|adopt|token`. */
export function registerToolsCommands(program: Command, context: CliContext): void {
  const tools = program
    .command('tools')
    .description('list tool servers, let MCP clients in, read and restore ledgers')
  registerClientTokenCommands(tools, context)
  registerCallCommands(tools, context)
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

function registerCallCommands(tools: Command, context: CliContext): void {
  tools
    .command('serve <name>')
    .description('serve a tool server to an MCP client: tweet, wallet, trading, swarm')
    .option('--stdio', 'on standard input and output: for the configuration of a client')
    .option('--http', 'over HTTP on loopback, with tokens of `tools token create`')
    .option('--port <n>', 'of --http', wholeNumber({ least: 1, most: MAX_PORT }))
    .action(async (name: string, options: ServeOptions) => {
      const { serveTool } = await import('./serve-tool.ts')
      await serveTool(name, options, context)
    })
  tools
    .command('call <name> <tool>')
    .description('call a tool as an MCP client would')
    .option('--args-json <json>', 'its arguments, a JSON object')
    .option('--key <text>', 'the idempotency key: the same for the same intent')
    .action(async (name: string, tool: string, options: CallOptions) => {
      const { callTool } = await import('./call-tool.ts')
      await callTool(name, tool, options, context)
    })
  tools
    .command('show <name>')
    .description('the tools of a server, and what they do')
    .option('--json', 'print a JSON array')
    .action(async (name: string, options: { json?: boolean }) => {
      const { describeTools } = await import('./call-tool.ts')
      await describeTools(name, options, context)
    })
}
