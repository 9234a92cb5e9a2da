import type { IncomingMessage, ServerResponse } from 'node:http'

import { DeniedError, RetryableError, TerminalError } from '@chimera/contracts/errors'
import {
  localhostHostValidation,
  localhostOriginValidation,
  toNodeHandler,
} from '@modelcontextprotocol/node'
import { createMcpHandler, type AuthInfo } from '@modelcontextprotocol/server'

import type { ToolControl, ToolLog, ToolServer } from '../tool-server.ts'
import { authenticate, METADATA_PATH, requireScope, resourceMetadata } from './authenticate.ts'
import type { Caller } from './authenticate.ts'
import { openBearer, type Bearer } from './bearer.ts'
import { toolsCalledIn, messagesIn } from './called-tools.ts'
import { NO_CLIENTS, type ClientTokens } from './client-tokens.ts'
import { serveControl, type ControlTokens } from './control-routes.ts'
import { createLegacySessions, type LegacySessions } from './legacy-sessions.ts'
import { createServerFactory, type Extras } from './mcp-factory.ts'
import { sendProblem } from './problem.ts'
import { createRateLimit, type Rate, type RateLimit } from './rate-limit.ts'
import { answerRead, type FetchHandler } from './wire/answer-read.ts'
import { parseJson } from './wire/parse-json.ts'
import { readBody } from './wire/read-body.ts'

/** A tool call is a tweet or an order, not an upload. */
const MAX_MCP_BODY_BYTES = 262_144

/** A person's client lists and calls a few tools; a trading loop looks at prices. */
const CLIENT_RATE: Rate = { perSecond: 20, burst: 100 }
/** Far above what one process can do with a ledger that reaches the disk. */
const WORKER_RATE: Rate = { perSecond: 2_000, burst: 4_000 }

export type HttpTokens = ControlTokens & Readonly<{ mcp: string }>

/** Answers every request; the connection is somebody else's. */
export type HttpHandler = Readonly<{
  handle: (request: IncomingMessage, response: ServerResponse) => void
  close: () => Promise<void>
}>

/** Tools, and the record's way in where there is a ledger behind them. */
export type ServedTools = Pick<ToolServer, 'name' | 'tools' | 'call'> &
  Readonly<{ control?: ToolControl }>

/** What `/mcp` is served with. */
type Serving = Readonly<{
  server: ServedTools
  tokens: ControlTokens
  worker: Bearer
  clients: ClientTokens
  limits: Readonly<{ client: RateLimit; worker: RateLimit }>
  isLocal: boolean
  scopes: readonly string[]
  handler: FetchHandler
  /** For whatever brings no messages. */
  mcp: ReturnType<typeof toNodeHandler>
  sessions: LegacySessions | undefined
}>

/**
 * `/mcp` in both MCP eras and `/control/*`, each behind its bearer token. Stateless, so that
 * nothing is lost with a connection, unless the server asks its clients in the middle of a call.
 * On loopback only local Host and Origin headers pass (DNS rebinding); elsewhere no browser is let
 * in at all.
 */
export function createHttpHandler(options: {
  server: ServedTools
  host: string
  tokens: HttpTokens
  clients?: ClientTokens | undefined
  log: ToolLog
  extras?: Extras
  clientRate?: Rate
}): HttpHandler {
  const { server, log, extras } = options
  const factory = createServerFactory(server, extras)
  const onerror = (err: Error): void => log.warn({ err }, 'an MCP request was refused')
  const { bus } = extras ?? {}
  const handler = createMcpHandler(factory, { onerror, ...(bus === undefined ? {} : { bus }) })
  const now = (): number => performance.now()
  const sessions =
    extras?.asksClients === true ? createLegacySessions({ factory, onerror }) : undefined
  const serving: Serving = {
    server,
    tokens: options.tokens,
    worker: openBearer(options.tokens.mcp),
    clients: options.clients ?? NO_CLIENTS,
    limits: {
      client: createRateLimit({ rate: options.clientRate ?? CLIENT_RATE, now }),
      worker: createRateLimit({ rate: WORKER_RATE, now }),
    },
    isLocal: isLoopback(options.host),
    scopes: [...new Set(server.tools.map((tool) => tool.scope))],
    handler,
    mcp: toNodeHandler(handler, {
      onerror: (err) => log.error({ err }, 'an MCP request failed'),
    }),
    sessions,
  }
  return {
    handle: (request, response) => {
      const { isLocal } = serving
      if (isLocal && !(isLocalHost(request, response) && isLocalOrigin(request, response))) return
      route(request, response, serving).catch((error: unknown) => {
        if (response.headersSent) response.destroy()
        else sendProblem(response, error)
        if (!(error instanceof DeniedError || error instanceof TerminalError)) {
          log.warn({ err: error, path: request.url }, 'a request could not be answered')
        }
      })
    },
    close: async () => {
      await handler.close()
      await sessions?.close()
    },
  }
}

async function route(
  request: IncomingMessage,
  response: ServerResponse,
  serving: Serving,
): Promise<void> {
  const { server, tokens, scopes } = serving
  const [path = '/'] = (request.url ?? '/').split('?', 1)
  if (!serving.isLocal && request.headers.origin !== undefined) {
    throw new DeniedError('FORBIDDEN', 'No browser talks to a tool server.')
  }
  const { control } = server
  if (control !== undefined && path.startsWith('/control/')) {
    return serveControl(request, response, { path, control, tokens })
  }
  if (path === METADATA_PATH) {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(resourceMetadata(request, scopes)))
    return
  }
  if (path !== '/mcp') throw new TerminalError('ROUTE_NOT_FOUND', `There is no ${path}.`)
  const { worker, clients } = serving
  const caller = authenticate({ request, worker, clients, scopes })
  await serveMcp(request, response, { ...serving, caller })
}

async function serveMcp(
  request: IncomingMessage,
  response: ServerResponse,
  serving: Serving & { caller: Caller },
): Promise<void> {
  const { caller, server, limits, sessions } = serving
  const body = await readMessages(request)
  const waitMs = limits[caller.isWorker ? 'worker' : 'client'].take(
    caller.principal,
    messagesIn(body),
  )
  if (waitMs > 0) {
    const message = `${caller.principal} sends more than its rate.`
    throw new RetryableError('RATE_LIMITED', message, { retryAfterMs: waitMs })
  }
  for (const tool of toolsCalledIn(body, server.tools)) requireScope(request, caller, tool.scope)
  // The token itself goes no further.
  const auth: AuthInfo = { token: '', clientId: caller.principal, scopes: [...caller.scopes] }
  const { method = 'GET', url = '/' } = request
  const authorized = Object.assign(request, { method, url, auth })
  if (await sessions?.serve(authorized, response, body)) return
  if (body === undefined) await serving.mcp(authorized, response)
  else await answerRead(serving.handler, { request, response, body, auth })
}

/** Read here and not in the SDK, so that nobody reads the same bytes in another way. */
async function readMessages(request: IncomingMessage): Promise<unknown> {
  const isJson = /^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')
  if (request.method !== 'POST' || !isJson) return undefined
  return parseJson(await readBody(request, MAX_MCP_BODY_BYTES))
}

const isLocalHost = localhostHostValidation()
const isLocalOrigin = localhostOriginValidation()

/** Whether an address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
