import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'

import { META_GRANT } from '@chimera/contracts/grant'
import { z } from 'zod'

import { NOOP, TOKEN } from './noop.ts'

/** What both servers have to answer, or nothing was measured. */
const Answer = z.object({
  result: z.object({ structuredContent: z.object({ status: z.literal('CONFIRMED') }) }),
})

/** One request as the Worker's client sends it, but made before the clock runs. */
export function callBody(id: number, grant: string | undefined): Buffer {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
    ...(grant === undefined ? {} : { [META_GRANT]: grant }),
  }
  const params = { name: NOOP.name, arguments: { text: NOOP.text }, _meta: meta }
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }))
}

/**
 * Sends all bodies over `lanes` connections, the next one when an answer is whole. Answers the
 * calls per second. Throws at the first answer that is not CONFIRMED.
 */
export async function measureCalls(of: {
  url: string
  bodies: readonly Buffer[]
  lanes: number
}): Promise<number> {
  const { url, bodies, lanes } = of
  const agent = new Agent({ keepAlive: true, maxSockets: lanes })
  let next = 0
  const run = async (): Promise<void> => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
      const answer = await post({ url: `${url}/mcp`, body, agent })
      const json = answer.startsWith('{') ? answer : answer.slice(answer.indexOf('{'))
      if (!Answer.safeParse(JSON.parse(json)).success) throw new Error(`It answered ${answer}`)
    }
  }
  const began = performance.now()
  try {
    await Promise.all(Array.from({ length: lanes }, run))
    return (bodies.length * 1_000) / (performance.now() - began)
  } finally {
    agent.destroy()
  }
}

async function post(of: { url: string; body: Buffer; agent: Agent }): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const outgoing = request(of.url, {
    method: 'POST',
    agent: of.agent,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      'content-length': of.body.length,
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': NOOP.name,
    },
  })
  outgoing.on('response', (answer) => void text(answer).then(resolve, reject))
  outgoing.on('error', reject)
  outgoing.end(of.body)
  return promise
}
