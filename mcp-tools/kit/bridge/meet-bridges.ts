import { chmodSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'

import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio'

import type { HttpHandler } from '../serving/http-handler.ts'
import { createServerFactory } from '../serving/mcp-factory.ts'
import type { ToolLog, ToolServer } from '../tool-server.ts'
import { Greeting } from './greeting.ts'
import type { SocketPaths } from './socket-paths.ts'

/** Processes of one account on one machine: a few clients, not a crowd. */
const MAX_BRIDGES = 64

/**
 * The holder's side: every other process of the account is served here, under the holder's own
 * rules. Only the holder of the ledger's lock may call this, so that a socket it finds is a dead
 * one's; and it lets go of the sockets before the lock, for the next holder's sake.
 */
export async function meetBridges(options: {
  server: ToolServer
  paths: SocketPaths
  http: HttpHandler | undefined
  log: ToolLog
}): Promise<AsyncDisposable> {
  const { server, paths, http, log } = options
  const sockets = new Set<Socket>()
  const { account, grants, ledger } = server.control.status()
  const greeting = Greeting.parse({
    chimera: 'holder',
    account,
    ledger_id: ledger.id,
    grants,
    http: http !== undefined,
    pid: process.pid,
  })
  const factory = createServerFactory(server)
  const lines = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', (err) => log.warn({ err }, 'a bridge broke off'))
    socket.write(`${JSON.stringify(greeting)}\n`)
    serveStdio(factory, {
      transport: new StdioServerTransport(socket, socket),
      maxSubscriptions: 0,
      onerror: (err) => log.warn({ err }, 'an MCP message was refused'),
    })
  })
  await listen(lines, paths.mcp)
  const requests = http === undefined ? undefined : createHttpServer(http.handle)
  if (requests !== undefined) await listen(requests, paths.http)
  return {
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      requests?.closeAllConnections()
      await Promise.all([close(lines), requests && close(requests)])
    },
  }
}

async function listen(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true })
  server.maxConnections = MAX_BRIDGES
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(path, resolve)
  await promise
  chmodSync(path, 0o600)
}

async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  await promise
}
