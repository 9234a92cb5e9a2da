import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { Registry } from '@prometheus-io/client'

type State = 'starting' | 'ready' | 'draining'

/** Throws, or rejects, with what is wrong. Has to be cheap: probes come every few seconds. */
export type HealthCheck = () => void | Promise<void>

/** The server of `/livez`, `/readyz` and `/metrics`. */
export type Health = AsyncDisposable &
  Readonly<{
    url: string
    /** Adds a condition of readiness. */
    addCheck: (name: string, check: HealthCheck) => void
    /** What the process is doing; only `ready` answers 200, and only while all checks pass. */
    setState: (state: State) => void
  }>

/** The supervisor waits for a second and then counts a missing answer as not ready. */
const CHECK_TIMEOUT_MS = 900
const MAX_REASON_LENGTH = 200

export async function openHealth(options: {
  host: string
  port: number
  registry: Registry
}): Promise<Health> {
  const checks = new Map<string, HealthCheck>()
  let state: State = 'starting'
  const answer = async (path: string): Promise<Answer> => {
    if (path === '/livez') return json(200, { state })
    if (path === '/readyz') return readiness(state, checks)
    if (path === '/metrics') {
      return {
        status: 200,
        type: options.registry.contentType,
        body: await options.registry.metrics(),
      }
    }
    return json(404, { error: 'There is nothing at this path.' })
  }
  const server = createServer((request, response) => {
    respond({ request, response, answer }).catch(() => response.destroy())
  })
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host: options.host, port: options.port }, resolve)
  await listening
  return {
    url: urlOf(options.host, server.address()),
    addCheck: (name, check) => void checks.set(name, check),
    setState: (next) => void (state = next),
    [Symbol.asyncDispose]: async () => {
      const { promise: closed, resolve: close } = Promise.withResolvers<void>()
      server.close(() => close())
      server.closeAllConnections()
      await closed
    },
  }
}

type Answer = Readonly<{ status: number; type: string; body: string }>

async function respond(exchange: {
  request: IncomingMessage
  response: ServerResponse
  answer: (path: string) => Promise<Answer>
}): Promise<void> {
  const { request, response } = exchange
  request.resume()
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end()
    return
  }
  const [path = '/'] = (request.url ?? '/').split('?', 1)
  const { status, type, body } = await exchange.answer(path)
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
  response.end(request.method === 'HEAD' ? undefined : body)
}

async function readiness(state: State, checks: ReadonlyMap<string, HealthCheck>): Promise<Answer> {
  const results = await Promise.all(
    [...checks].map(async ([name, check]): Promise<[string, string]> => [name, await ask(check)]),
  )
  const isReady = state === 'ready' && results.every(([, result]) => result === 'ok')
  return json(isReady ? 200 : 503, { state, checks: Object.fromEntries(results) })
}

async function ask(check: HealthCheck): Promise<string> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('no answer')), CHECK_TIMEOUT_MS)
  try {
    await Promise.race([Promise.resolve().then(check), late])
    return 'ok'
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return reason.slice(0, MAX_REASON_LENGTH)
  } finally {
    clearTimeout(timer)
  }
}

function json(status: number, body: object): Answer {
  return { status, type: 'application/json', body: JSON.stringify(body) }
}

function urlOf(host: string, address: string | AddressInfo | null): string {
  const port = address === null || typeof address === 'string' ? 0 : address.port
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
