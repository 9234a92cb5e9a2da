import { STATUS_CODES, createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import { TerminalError, type ErrorCode } from '@chimera/contracts/errors'
import type { Logger } from '@chimera/runtime/log'
import { nextTrace } from '@chimera/runtime/trace'
import { getRequestListener } from '@hono/node-server'

import { PROBLEM_TYPE, problemOf } from './problem.ts'

/** A server that answers until it is disposed of. */
export type HttpServer = AsyncDisposable & Readonly<{ url: string }>

type Fetch = Parameters<typeof getRequestListener>[0]

/** Slow senders hold a connection no longer than this. */
const HEADERS_WITHIN_MS = 10_000
const REQUEST_WITHIN_MS = 30_000
const KEEP_ALIVE_MS = 10_000
const MAX_CONNECTIONS = 2_000
/** What is being answered may finish; the process is killed at 10 s. */
const DRAIN_MS = 4_000
const IDLE_LOOK_MS = 20

/** Listens. What cannot be read as HTTP is answered with problem+json, too. */
export async function serveHttp(of: {
  fetch: Fetch
  host: string
  port: number
  log: Logger
}): Promise<HttpServer> {
  const listener = getRequestListener(of.fetch, {
    // A host name of its own, for requests without one (HTTP/1.0).
    hostname: 'localhost',
    errorHandler: (err) => {
      of.log.warn({ err }, 'a request could not be read')
      const { body } = unreadable('BODY_INVALID', 'The request could not be read.')
      return new Response(body, { status: 400, headers: { 'content-type': PROBLEM_TYPE } })
    },
  })
  const connections = openConnections()
  const server = createServer(
    {
      headersTimeout: HEADERS_WITHIN_MS,
      requestTimeout: REQUEST_WITHIN_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Answered below, with a problem.
      requireHostHeader: false,
    },
    (incoming, outgoing) => {
      connections.hold(incoming.socket, outgoing)
      void listener(incoming, outgoing)
    },
  )
  server.on('connection', connections.add)
  server.maxConnections = MAX_CONNECTIONS
  server.on('clientError', answerUnreadable)
  server.on('checkExpectation', (_request, response) => {
    const { body } = unreadable('BODY_INVALID', 'Only "expect: 100-continue" is understood.')
    response.writeHead(417, { 'content-type': PROBLEM_TYPE, connection: 'close' }).end(body)
  })
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host: of.host, port: of.port }, resolve)
  await listening
  return {
    url: urlOf(of.host, server.address()),
    [Symbol.asyncDispose]: () => close(server, connections),
  }
}

/** Who is connected, and who waits for an answer. */
type Connections = Readonly<{
  add: (socket: Socket) => void
  hold: (socket: Socket, answer: ServerResponse) => void
  closeIdle: () => void
}>

/**
 * Node's own list counts a connection that has asked for nothing yet, as browsers keep them, as one
 * that is busy, and a server that closes would wait for it.
 */
function openConnections(): Connections {
  const open = new Set<Socket>()
  const answers = new Map<Socket, number>()
  const count = (socket: Socket, change: number): void => {
    const n = (answers.get(socket) ?? 0) + change
    if (n > 0) answers.set(socket, n)
    else answers.delete(socket)
  }
  return {
    add: (socket) => {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
    },
    hold: (socket, answer) => {
      count(socket, 1)
      answer.once('close', () => count(socket, -1))
    },
    closeIdle: () => {
      for (const socket of open) if (!answers.has(socket)) socket.destroy()
    },
  }
}

async function close(server: Server, connections: Connections): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  // A connection is idle only a moment after its last answer, a feed's for one.
  const idle = setInterval(connections.closeIdle, IDLE_LOOK_MS)
  const late = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed
  clearInterval(idle)
  clearTimeout(late)
}

/** What Node's parser gave up: no request exists, so the answer is written by hand. */
function answerUnreadable(error: Error & { code?: string }, socket: Duplex | Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const status = STATUS_OF[error.code ?? ''] ?? 400
  const { body } = unreadable('BODY_INVALID', `The request could not be read (${status}).`, status)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

function unreadable(code: ErrorCode, detail: string, status = 400): { body: string } {
  const at = { instance: '/', traceId: nextTrace(undefined).traceId }
  const { problem } = problemOf(new TerminalError(code, detail), at)
  return { body: JSON.stringify({ ...problem, status }) }
}

function urlOf(host: string, address: string | AddressInfo | null): string {
  const port = address === null || typeof address === 'string' ? 0 : address.port
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
