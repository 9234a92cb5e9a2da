import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { z } from 'zod'

/** A provider that does whatever it is asked, as often as it is asked, and remembers it. */
export type SendProvider = AsyncDisposable &
  Readonly<{
    url: string
    /** How often this intent was done. */
    effectsOf: (intent: string) => number
  }>

const Posted = z.strictObject({ intent: z.string().min(1).max(200) })
const MAX_BODY = 10_000

/** Listens on loopback; every accepted post is a line of `record` before it is answered. */
export async function openSendProvider(record: string): Promise<SendProvider> {
  const effects = new Map<string, number>()
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (text: string) => {
      body += text
      if (body.length > MAX_BODY) request.destroy()
    })
    request.on('end', () => {
      const { intent } = Posted.parse(JSON.parse(body))
      effects.set(intent, (effects.get(intent) ?? 0) + 1)
      appendFileSync(record, `${JSON.stringify({ at: new Date().toISOString(), intent })}\n`)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.listen(0, '127.0.0.1', () => listening.resolve())
  await listening.promise
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('It has no port.')
  return {
    url: `http://127.0.0.1:${address.port}/send`,
    effectsOf: (intent) => effects.get(intent) ?? 0,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
