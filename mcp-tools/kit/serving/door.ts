import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const MAX_CONNECTIONS = 1_000
const IDLE_SWEEP_MS = 50

export type HttpServing = AsyncDisposable & Readonly<{ url: string }>

/** A port whose requests somebody answers. */
export async function openDoor(options: {
  host: string
  port: number
  handle: (request: IncomingMessage, response: ServerResponse) => void
}): Promise<HttpServing> {
  const { host, port } = options
  const http = createServer(options.handle)
  http.maxConnections = MAX_CONNECTIONS
  await listen(http, { host, port })
  return { url: urlOf(host, http.address()), [Symbol.asyncDispose]: async () => close(http) }
}

async function listen(http: Server, at: { host: string; port: number }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  http.once('error', reject)
  http.listen(at, resolve)
  await promise
}

/** Lets the calls in hand finish; the process shell's deadline bounds it. */
async function close(http: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  http.close(() => resolve())
  // A connection that is kept alive becomes idle only after its last answer.
  const sweep = setInterval(() => http.closeIdleConnections(), IDLE_SWEEP_MS)
  await promise
  clearInterval(sweep)
}

function urlOf(host: string, address: string | AddressInfo | null): string {
  const port = address === null || typeof address === 'string' ? 0 : address.port
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
