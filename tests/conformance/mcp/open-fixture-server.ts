import { createServer, request as requestHttp, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { openDoor } from '@chimera/mcp-kit/serving/door'
import { createHttpHandler } from '@chimera/mcp-kit/serving/http-handler'
import { TestAccount } from '@chimera/mcp-kit/testing/test-account'
import { z } from 'zod'

import { fixturePack } from './fixture/fixture-pack.ts'

const TOKEN = 'token-of-the-conformance-suite'

export type FixtureServer = AsyncDisposable & Readonly<{ url: string }>

/**
 * A tool server of the kit, with a ledger and a tool of its own, that also offers the fixture pack;
 * and before it a proxy that adds the bearer token, which the suite cannot.
 */
export async function openFixtureServer(
  of: { asksClients?: boolean } = {},
): Promise<FixtureServer> {
  await using opening = new AsyncDisposableStack()
  const account = opening.use(await new TestAccount().open())
  const handler = createHttpHandler({
    server: account.server,
    host: '127.0.0.1',
    tokens: { mcp: TOKEN, control: undefined, stop: undefined },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    extras: { ...fixturePack(), ...of },
  })
  opening.defer(async () => handler.close())
  const door = await openDoor({ host: '127.0.0.1', port: 0, handle: handler.handle })
  opening.defer(async () => door[Symbol.asyncDispose]())
  const proxy = await openProxy(new URL(door.url))
  opening.defer(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  const open = opening.move()
  const { port } = z.custom<AddressInfo>().parse(proxy.address())
  return {
    url: `http://localhost:${port}/mcp`,
    [Symbol.asyncDispose]: async () => open.disposeAsync(),
  }
}

/** Everything goes through as it came, Host and Origin too. */
async function openProxy(to: URL): Promise<Server> {
  const server = createServer((request, response) => {
    const { method, url: path, headers } = request
    const outgoing = requestHttp({
      host: to.hostname,
      port: to.port,
      method,
      path,
      headers: { ...headers, authorization: `Bearer ${TOKEN}` },
      agent: false,
    })
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      // Whoever waits for a stream has to see that it has begun.
      response.flushHeaders()
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    response.on('close', () => outgoing.destroy())
    request.pipe(outgoing)
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, 'localhost', resolve)
  await promise
  return server
}
