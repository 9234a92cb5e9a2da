import { META_GRANT, META_IDEMPOTENCY_KEY } from '@chimera/contracts/grant'
import {
  McpServer,
  type CallToolResult,
  type McpServerFactory,
  type ServerContext,
  type StandardSchemaWithJSON,
} from '@modelcontextprotocol/server'

import type { ServedTool } from './define-tool.ts'

/** The tool servers have one version, the house's. */
const VERSION = '0.1.0'

/** Who calls, and what came beside the arguments. */
export type CallContext = Readonly<{
  principal: string
  grant: string | undefined
  idempotencyKey: string | undefined
}>

/** Does one call; never rejects. */
export type CallTool = (
  tool: ServedTool,
  args: unknown,
  context: CallContext,
) => Promise<CallToolResult>

/**
 * Makes the MCP server of one connection or request; both eras get the same. Nothing is kept in it:
 * a server over HTTP lives for one request.
 */
export function createServerFactory(options: {
  name: string
  tools: readonly ServedTool[]
  call: CallTool
}): McpServerFactory {
  const { name, tools, call } = options
  return ({ authInfo }) => {
    const server = new McpServer(
      { name, version: VERSION },
      { capabilities: { tools: { listChanged: false } } },
    )
    for (const tool of tools) {
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
        async (args, context) =>
          call(tool, args, contextOf(context, authInfo?.clientId ?? 'stdio')),
      )
    }
    return server
  }
}

function contextOf(context: ServerContext, principal: string): CallContext {
  const { _meta: meta } = context.mcpReq
  return {
    principal,
    grant: textOf(meta?.[META_GRANT]),
    idempotencyKey: textOf(meta?.[META_IDEMPOTENCY_KEY]),
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
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
