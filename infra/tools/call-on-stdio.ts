import { RetryableError } from '@chimera/contracts/errors'
import { META_IDEMPOTENCY_KEY } from '@chimera/contracts/grant'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { z } from 'zod'

/** What a server showed of one tool. */
export type ListedTool = Readonly<{ name: string; title: string; description: string }>

/** One MCP server, started for this and ended with it. */
export type StdioServer = AsyncDisposable &
  Readonly<{
    tools: () => Promise<ListedTool[]>
    call: (call: {
      tool: string
      args: Record<string, unknown>
      /** The same for the same intent, also when it is tried again. */
      key?: string
    }) => Promise<{ isError: boolean; fields: Record<string, unknown> }>
  }>

const START_MS = 30_000
const MAX_SAID = 4_096
/** A server waits ten seconds for its provider; a transfer is followed for longer. */
const CALL_MS = 120_000

/** Starts a command that serves MCP on standard input and output. */
export async function openStdioServer(of: {
  command: string
  args: readonly string[]
  env: Readonly<Record<string, string | undefined>>
  cwd: string
}): Promise<StdioServer> {
  const env = z.record(z.string(), z.string()).parse(definedOf(of.env))
  const client = new Client(
    { name: 'chimera-cli', version: '1' },
    { versionNegotiation: { mode: 'auto', probe: { timeoutMs: START_MS } } },
  )
  const { command, cwd } = of
  const transport = new StdioClientTransport({
    command,
    args: [...of.args],
    env,
    cwd,
    stderr: 'pipe',
  })
  // Its log is for who serves it for longer; of one that does not start the end says why.
  let said = ''
  transport.stderr?.on('data', (chunk: unknown) => {
    said = (said + String(chunk)).slice(-MAX_SAID)
  })
  try {
    await client.connect(transport, { timeout: START_MS })
  } catch (cause) {
    await client.close().catch(() => undefined)
    const why = said.trim().split('\n').at(-1) ?? ''
    const message = why === '' ? 'The server did not start.' : why
    throw new RetryableError('UNAVAILABLE', message, { cause })
  }
  return {
    tools: async () =>
      (await client.listTools()).tools.map(({ name, title, description }) => ({
        name,
        title: title ?? '',
        description: description ?? '',
      })),
    call: async ({ tool, args, key }) => {
      const params = {
        name: tool,
        arguments: args,
        ...(key === undefined ? {} : { _meta: { [META_IDEMPOTENCY_KEY]: key } }),
      }
      const request = { method: 'tools/call', params } as const
      const { structuredContent, isError } = Reply.parse(
        await client.request(request, { timeout: CALL_MS }),
      )
      return { isError, fields: structuredContent }
    },
    [Symbol.asyncDispose]: async () => client.close(),
  }
}

const Reply = z.object({
  structuredContent: z.record(z.string(), z.unknown()).default({}),
  isError: z.boolean().default(false),
})

function definedOf(env: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined))
}
