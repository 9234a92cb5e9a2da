import path from 'node:path'

import { ERROR_CODES } from '@chimera/contracts/errors'
import { checkoutRoot } from '@chimera/infra/stack/state-dir'
import { openStdioServer } from '@chimera/infra/tools/call-on-stdio'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'

export type CallOptions = Readonly<{ argsJson?: string; key?: string }>

const Arguments = z.record(z.string(), z.unknown())

/**
 * Calls a tool as an MCP client would, under the rules of the server that serves it: one of a
 * running stack acts only on grants. Prints the answer as JSON; exit 0 when it was done, 75 when
 * trying again can help, 4 when it was refused.
 */
export async function callTool(
  server: string,
  tool: string,
  options: CallOptions,
  context: CliContext,
): Promise<void> {
  const args = argumentsOf(options.argsJson ?? '{}')
  await using opened = await openServer(server, context)
  const { key } = options
  const { isError, fields } = await opened.call({
    tool,
    args,
    ...(key === undefined ? {} : { key }),
  })
  context.out(printableJson(fields))
  if (isError) throw new CliExit(exitCodeOf(fields['code']))
}

/** What the tools of a server are, and what they say of themselves. */
export async function describeTools(
  server: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  await using opened = await openServer(server, context)
  const tools = await opened.tools()
  if (options.json === true) return context.out(printableJson(tools))
  const rows = tools.map(({ name, description }) => [name, description])
  for (const line of renderTable(['tool', 'what it does'], rows)) context.out(line)
}

async function openServer(name: string, { env }: CliContext) {
  const root = checkoutRoot()
  const main = path.join(root, 'cli', 'main.ts')
  const args = [main, 'tools', 'serve', name, '--stdio']
  return openStdioServer({ command: process.execPath, args, env, cwd: root })
}

function argumentsOf(text: string): Record<string, unknown> {
  try {
    return Arguments.parse(JSON.parse(text))
  } catch {
    throw new CliExit(EXIT.usage, '--args-json takes a JSON object: {"text": "hello"}')
  }
}

function exitCodeOf(code: unknown): number {
  const known = Object.entries(ERROR_CODES).find(([name]) => name === code)
  return known?.[1].kind === 'retryable' ? EXIT.temporary : EXIT.refused
}
