/**
 * The same SDK's server with the same tool, and nothing else: no token, no grant, no ledger, no
 * receipt. Its address is the first line of its output.
 */
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'

import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

import { NOOP } from '../noop.ts'

const inputSchema = z.strictObject({ text: z.string().min(1).max(280) })
const outputSchema = z.strictObject({ status: z.string(), ref: z.string() })

const handle = toNodeHandler(
  createMcpHandler(() => {
    const server = new McpServer({ name: 'bare', version: '1' }, { capabilities: { tools: {} } })
    const { title, description } = NOOP
    let done = 0
    server.registerTool(NOOP.name, { title, description, inputSchema, outputSchema }, async () => {
      const structuredContent = { status: 'CONFIRMED', ref: String((done += 1)) }
      const text = JSON.stringify(structuredContent)
      return { content: [{ type: 'text', text }], structuredContent }
    })
    return server
  }),
)
const server = createServer((request, response) => {
  const { method = '', url = '' } = request
  const named = Object.assign(request, { method, url })
  const answer = async (): Promise<void> => handle(named, response, await json(request))
  answer().catch((error: unknown) => {
    response.destroy()
    process.stderr.write(`${String(error)}\n`)
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('It has no port.')
  process.stdout.write(`http://127.0.0.1:${address.port}\n`)
})
