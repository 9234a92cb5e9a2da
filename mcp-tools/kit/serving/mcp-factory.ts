import { DeniedError } from '@chimera/contracts/errors'
import {
  McpServer,
  type AuthInfo,
  type CallToolResult,
  type McpRequestContext,
  type McpServerFactory,
  type McpServerOptions,
  type ServerContext,
  type ServerEventBus,
  type StandardSchemaWithJSON,
} from '@modelcontextprotocol/server'

import { readCall, type CallContext } from './call-context.ts'
import type { ServedTool } from './define-tool.ts'
import { openProgress } from './progress.ts'
import { errorResult } from './tool-result.ts'

/** The tool servers have one version, the house's. */
const VERSION = '0.1.0'

/** Does one call; never rejects. */
export type CallTool = (
  tool: ServedTool,
  args: unknown,
  context: CallContext,
) => Promise<CallToolResult>

/** What a server offers beside its tools, where it does. */
export type Extras = Readonly<{
  options: McpServerOptions
  register: (server: McpServer, context: McpRequestContext) => void
  /** Whether it asks its clients in the middle of a call; those of 2025 need sessions then. */
  asksClients: boolean
  /** What its subscriptions hear. */
  bus?: ServerEventBus
}>

/**
 * Makes the MCP server of one connection or request; both eras get the same, but for the tools that
 * the caller's scopes do not cover, which are neither listed nor called. Nothing is kept in it: a
 * server over HTTP lives for one request.
 */
export function createServerFactory(
  of: { name: string; tools: readonly ServedTool[]; call: CallTool },
  extras?: Extras,
): McpServerFactory {
  const { name, tools, call } = of
  return (request) => {
    const { capabilities, ...options } = extras?.options ?? {}
    const server = new McpServer(
      { name, version: VERSION },
      { ...options, capabilities: { tools: { listChanged: false }, ...capabilities } },
    )
    for (const tool of tools) {
      if (!isCovered(tool, request.authInfo)) continue
      const { name: toolName, title, description, annotations } = tool.definition
      server.registerTool(
        toolName,
        {
          title,
          description,
          annotations,
          inputSchema: wireInput(tool),
          outputSchema: wireOutput(tool),
        },
        async (args, context) => callOnce({ tool, args, context, call, ...request }),
      )
    }
    extras?.register(server, request)
    return server
  }
}

/** On stdio nobody has a token: whoever starts the process is its owner. */
function isCovered(tool: ServedTool, auth: AuthInfo | undefined): boolean {
  return auth === undefined || auth.scopes.includes(tool.scope)
}

async function callOnce(of: {
  tool: ServedTool
  args: unknown
  context: ServerContext
  call: CallTool
  authInfo?: AuthInfo
}): Promise<CallToolResult> {
  const { tool, context } = of
  // A session outlives the request that opened it: the token of this one counts.
  const auth = context.http?.authInfo ?? of.authInfo
  if (!isCovered(tool, auth)) {
    const message = `The token does not have the scope ${tool.scope}.`
    return errorResult(new DeniedError('FORBIDDEN', message), tool)
  }
  using progress = openProgress(context)
  try {
    const { args, call } = readCall({ ...of, principal: auth?.clientId ?? 'stdio' })
    return await of.call(tool, args, {
      ...call,
      ...(auth === undefined ? {} : { scopes: auth.scopes }),
      progress: progress.report,
      signal: context.mcpReq.signal,
    })
  } catch (error) {
    return errorResult(error, tool)
  }
}

/**
 * Advertised, but not enforced here: arguments that do not fit have to reach the protocol, which
 * says so with a code, and with a tombstone when a grant came along.
 */
function wireInput(tool: ServedTool): StandardSchemaWithJSON {
  const schema = (): Record<string, unknown> => ({ ...tool.definition.inputSchema })
  return {
    '~standard': {
      version: 1,
      vendor: 'chimera',
      validate: (value) => ({ value }),
      jsonSchema: { input: schema, output: schema },
    },
  }
}

function wireOutput(tool: ServedTool): StandardSchemaWithJSON {
  const schema = (): Record<string, unknown> => ({ ...tool.definition.outputSchema })
  return {
    '~standard': {
      version: 1,
      vendor: 'chimera',
      validate: (value) => tool.output['~standard'].validate(value),
      jsonSchema: { input: schema, output: schema },
    },
  }
}
