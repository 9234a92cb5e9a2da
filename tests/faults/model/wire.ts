/** The wire between a tool server and the provider: every post waits there for the test's word. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** A post that has left the tool server. What becomes of it is the test's to say, and when. */
export type SentPost = {
  /** `timeout`: the sender hears nothing any more; the post may still arrive. */
  cut(): void
  /** `provider ACCEPTS`: it arrives now, however late; who still listens hears of it. */
  arrive(): Promise<void>
}

export type Wire = AsyncDisposable & {
  readonly url: string
  /** The posts that have left, in order; those that never arrive have died on the way. */
  readonly sent: readonly SentPost[]
  /** Answers when `n` posts have left. */
  hasSent(n: number): Promise<void>
  /** Lets posts through at once, instead of holding them. */
  isOpen: boolean
  /** What happens while the provider is next asked for something: once, before it answers. */
  meanwhile: (() => Promise<unknown>) | undefined
  /** Every sender hears nothing any more. */
  cutAll(): void
}

export async function openWire(to: string): Promise<Wire> {
  const sent: SentPost[] = []
  const waiting = new Set<() => void>()
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk)
    const forward = () => pass({ request, response, to, body: Buffer.concat(chunks) })
    if (request.method !== 'POST') {
      const { meanwhile } = wire
      wire.meanwhile = undefined
      await meanwhile?.()
      return forward()
    }
    sent.push({ cut: () => void response.destroy(), arrive: forward })
    for (const wake of waiting) wake()
    if (wire.isOpen) await forward()
  }
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('It has no port.')
  const wire: Wire = {
    url: `http://127.0.0.1:${address.port}`,
    sent,
    isOpen: false,
    meanwhile: undefined,
    hasSent: async (n) => {
      while (sent.length < n) {
        const { promise, resolve } = Promise.withResolvers<void>()
        waiting.add(resolve)
        await promise
        waiting.delete(resolve)
      }
    },
    cutAll: () => server.closeAllConnections(),
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return wire
}

async function pass(of: {
  request: IncomingMessage
  response: ServerResponse
  to: string
  body: Buffer
}): Promise<void> {
  const { request, response, body } = of
  const { method = 'GET', headers } = request
  const answer = await fetch(`${of.to}${request.url ?? '/'}`, {
    method,
    headers: {
      ...(headers.authorization === undefined ? {} : { authorization: headers.authorization }),
      ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
    },
    ...(method === 'GET' ? {} : { body: new Uint8Array(body) }),
  })
  const text = await answer.text()
  if (response.destroyed) return
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
  response.end(text)
}
