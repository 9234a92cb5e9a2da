import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

import { NodeStreamableHTTPServerTransport, toWebRequest } from '@modelcontextprotocol/node'
import {
  isInitializeRequest,
  isLegacyRequest,
  type AuthInfo,
  type EventStore,
  type JSONRPCMessage,
  type McpServerFactory,
} from '@modelcontextprotocol/server'

/** A request that has been let in. */
export type Authorized = IncomingMessage & { method: string; url: string; auth: AuthInfo }

/**
 * Clients of 2025 that the server asks something in the middle of a call: that takes a session,
 * kept in this process and lost with it. Servers that ask nothing do without.
 */
export type LegacySessions = Readonly<{
  /** Answers what belongs to 2025; false for a request of the stateless protocol. */
  serve: (request: Authorized, response: ServerResponse, body: unknown) => Promise<boolean>
  close: () => Promise<void>
}>

const MAX_SESSIONS = 64
/** Events that a client which lost its stream may ask for again. */
const MAX_EVENTS = 1_000
/** What a client waits before it takes its stream up again. */
const RETRY_MS = 500

type Session = Readonly<{ principal: string; transport: NodeStreamableHTTPServerTransport }>

/** A session belongs to the principal that opened it; the oldest gives way to a new one. */
export function createLegacySessions(of: {
  factory: McpServerFactory
  onerror: (error: Error) => void
}): LegacySessions {
  const sessions = new Map<string, Session>()
  const open = async (auth: AuthInfo): Promise<NodeStreamableHTTPServerTransport> => {
    const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: createEventStore(),
      retryInterval: RETRY_MS,
      onsessioninitialized: (id) => void sessions.set(id, { principal: auth.clientId, transport }),
      onsessionclosed: (id) => void sessions.delete(id),
    })
    // The transport is no event target.
    // oxlint-disable-next-line unicorn/prefer-add-event-listener
    transport.onerror = of.onerror
    const [oldest] = sessions
    if (oldest !== undefined && sessions.size >= MAX_SESSIONS) {
      sessions.delete(oldest[0])
      await oldest[1].transport.close()
    }
    const server = await of.factory({ era: 'legacy', authInfo: auth })
    await server.connect(transport)
    return transport
  }
  return {
    serve: async (request, response, body) => {
      const id = request.headers['mcp-session-id']
      if (typeof id !== 'string') {
        if (!isInitializeRequest(body) || !(await isLegacy(request, body))) return false
        await (await open(request.auth)).handleRequest(request, response, body)
        return true
      }
      const session = sessions.get(id)
      if (session?.principal !== request.auth.clientId) {
        const error = { code: -32_001, message: 'There is no such session; initialize anew.' }
        response.writeHead(404, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }))
        return true
      }
      await session.transport.handleRequest(request, response, body)
      return true
    },
    close: async () => {
      await Promise.all([...sessions.values()].map(({ transport }) => transport.close()))
    },
  }
}

async function isLegacy(request: Authorized, body: unknown): Promise<boolean> {
  return isLegacyRequest(await toWebRequest(request, body), body)
}

/** The last events of one session, in order. */
function createEventStore(): EventStore {
  let count = 0
  const events = new Map<string, { stream: string; message: JSONRPCMessage }>()
  return {
    storeEvent: async (stream, message) => {
      count += 1
      const id = `${stream}:${count}`
      events.set(id, { stream, message })
      const [oldest] = events.keys()
      if (oldest !== undefined && events.size > MAX_EVENTS) events.delete(oldest)
      return id
    },
    getStreamIdForEventId: async (id) => events.get(id)?.stream,
    replayEventsAfter: async (lastId, { send }) => {
      const stream = events.get(lastId)?.stream ?? ''
      let isAfter = false
      for (const [id, event] of events) {
        if (isAfter && event.stream === stream) await send(id, event.message)
        if (id === lastId) isAfter = true
      }
      return stream
    },
  }
}
