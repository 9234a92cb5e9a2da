import { request } from 'node:http'

import type { PreparedRequest, ProviderResponse } from '@chimera/mcp-tweet/network/network'

/** What became of one send, as the kit's send-once would see it. */
export type Sent =
  | { outcome: 'answered'; response: ProviderResponse }
  | { outcome: 'lost'; reason: string }

/** Sends prepared bytes once, on a connection of their own, and gives up after `deadlineMs`. */
export function sendPost(prepared: PreparedRequest, deadlineMs = 5_000): Promise<Sent> {
  const { promise, resolve } = Promise.withResolvers<Sent>()
  const { method, headers } = prepared
  const signal = AbortSignal.timeout(deadlineMs)
  const outgoing = request(prepared.url, { method, headers, agent: false, signal })
  outgoing.on('error', (error) => resolve({ outcome: 'lost', reason: error.name }))
  outgoing.on('response', (incoming) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('error', (error) => resolve({ outcome: 'lost', reason: error.name }))
    incoming.on('end', () => {
      const { statusCode: status = 0, headers: answered } = incoming
      const response = { status, headers: answered, body: Buffer.concat(chunks) }
      resolve({ outcome: 'answered', response })
    })
  })
  outgoing.end(prepared.body)
  return promise
}
