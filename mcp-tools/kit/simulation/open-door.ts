import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** How the sender of a request learns of what was done with it. */
export type Delivery = 'answer' | 'cut' | 'hang'

/** The port of a simulated provider. */
export type SimulatedDoor = AsyncDisposable & Readonly<{ url: string }>

/**
 * Listens for a simulated provider; `port` 0 takes a free one. Closing ends every connection, the
 * hung ones too.
 */
export async function openDoor(of: {
  host: string
  port: number
  serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>
}): Promise<SimulatedDoor> {
  const { host } = of
  const server = createServer((request, response) => {
    of.serve(request, response).catch((cause: unknown) => {
      // A sender that went away, a full disk, a chain that died: none of them gets an answer.
      response.destroy(cause instanceof Error ? cause : new Error(String(cause)))
    })
  })
  server.listen(of.port, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') {
    throw new TypeError('A simulated provider listens on no port.')
  }
  return {
    url: `http://${host}:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Answers, cuts the connection, or leaves it open until the sender gives up or this ends. */
export function deliver(request: IncomingMessage, delivery: Delivery, answer: () => void): void {
  if (delivery === 'answer') answer()
  else if (delivery === 'cut') request.socket.destroy()
}
