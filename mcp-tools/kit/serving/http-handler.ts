import type { IncomingMessage, ServerResponse } from 'node:http'

import { DeniedError, TerminalError } from '@chimera/contracts/errors'
import {
  localhostHostValidation,
  localhostOriginValidation,
  toNodeHandler,
  type NodeMcpRequestHandler,
} from '@modelcontextprotocol/node'
import { createMcpHandler, type AuthInfo } from '@modelcontextprotocol/server'

import type { ToolLog, ToolServer } from '../tool-server.ts'
import { carriesToken, principalOf } from './bearer.ts'
import { serveControl, type ControlTokens } from './control-routes.ts'
import { createServerFactory } from './mcp-factory.ts'
import { sendProblem } from './problem.ts'

/** A tool call is a tweet or an order, not an upload. */
const MAX_MCP_BODY_BYTES = 262_144

export type HttpTokens = ControlTokens & Readonly<{ mcp: string }>

/** Answers every request; the connection is somebody else's. */
export type HttpHandler = Readonly<{
  handle: (request: IncomingMessage, response: ServerResponse) => void
  close: () => Promise<void>
}>

/**
 * `/mcp` in both MCP eras (stateless, so nothing is lost with a connection) and `/control/*`, each
 * behind its bearer token. On loopback only local Host and Origin headers pass (DNS rebinding);
 * elsewhere no browser is let in at all.
 */
export function createHttpHandler(options: {
  server: ToolServer
  host: string
  tokens: HttpTokens
  log: ToolLog
}): HttpHandler {
  const { server, tokens, log } = options
  const handler = createMcpHandler(createServerFactory(server), {
    maxRequestBodySize: MAX_MCP_BODY_BYTES,
    onerror: (err) => log.warn({ err }, 'an MCP request was refused'),
  })
  const mcp = toNodeHandler(handler, {
    maxRequestBodySize: MAX_MCP_BODY_BYTES,
    onerror: (err) => log.error({ err }, 'an MCP request failed'),
  })
  const isLocal = isLoopback(options.host)
  return {
    handle: (request, response) => {
      if (isLocal && !(isLocalHost(request, response) && isLocalOrigin(request, response))) return
      route({ request, response, mcp, server, tokens, isLocal }).catch((error: unknown) => {
        if (response.headersSent) response.destroy()
        else sendProblem(response, error)
        if (!(error instanceof DeniedError || error instanceof TerminalError)) {
          log.warn({ err: error, path: request.url }, 'a request could not be answered')
        }
      })
    },
    close: () => handler.close(),
  }
}

async function route(given: {
  request: IncomingMessage
  response: ServerResponse
  mcp: NodeMcpRequestHandler
  server: ToolServer
  tokens: HttpTokens
  isLocal: boolean
}): Promise<void> {
  const { request, response, server, tokens } = given
  const [path = '/'] = (request.url ?? '/').split('?', 1)
  if (!given.isLocal && request.headers.origin !== undefined) {
    throw new DeniedError('FORBIDDEN', 'No browser talks to a tool server.')
  }
  if (path.startsWith('/control/')) {
    return serveControl(request, response, { path, control: server.control, tokens })
  }
  if (path !== '/mcp') throw new TerminalError('ROUTE_NOT_FOUND', `There is no ${path}.`)
  if (!carriesToken(request, tokens.mcp)) {
    throw new DeniedError('UNAUTHENTICATED', 'This tool server needs its bearer token.')
  }
  const scopes = server.tools.map((tool) => tool.scope)
  // The token itself goes no further.
  const auth: AuthInfo = { token: '', clientId: principalOf(tokens.mcp), scopes }
  const { method = 'GET', url = '/' } = request
  return given.mcp(Object.assign(request, { method, url, auth }), response)
}

const isLocalHost = localhostHostValidation()
const isLocalOrigin = localhostOriginValidation()

/** Whether an address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
