/** A tool server of the kit in this process, over HTTP, with a ledger and tokens of MCP clients. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request as requestHttp } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createToolClient } from '@chimera/infra/stack/keys/tool-clients'
import { openClientTokens, type ClientTokens } from '@chimera/mcp-kit/serving/client-tokens'
import { defineReadTool, type ServedTool } from '@chimera/mcp-kit/serving/define-tool'
import { openDoor } from '@chimera/mcp-kit/serving/door'
import { createHttpHandler } from '@chimera/mcp-kit/serving/http-handler'
import type { Rate } from '@chimera/mcp-kit/serving/rate-limit'
import { TestAccount } from '@chimera/mcp-kit/testing/test-account'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { z } from 'zod'

export const WORKER_TOKEN = 'token-of-the-workers'
const CONTROL_TOKEN = 'token-of-the-keeper'

/** What a test may take out or put in. */
export type Composition = Readonly<{
  clientRate?: Rate
  tools?: readonly ServedTool[]
  clients?: (known: ClientTokens) => ClientTokens
}>

export type ClientsRig = AsyncDisposable &
  Readonly<{
    url: string
    account: TestAccount
    /** The file of hashes. */
    file: string
    /** Makes a token; for a day, this server and reading when nothing else is said. */
    token: (
      name: string,
      other?: { scopes?: string[]; servers?: string[]; expiresAt?: Date },
    ) => Promise<string>
    ask: (body: unknown, headers?: Record<string, string>) => Promise<Response>
    connect: (token: string) => Promise<Client>
  }>

const DAY_MS = 86_400_000

export async function openClientsRig(composition: Composition = {}): Promise<ClientsRig> {
  await using opening = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'chimera-clients-'))
  opening.defer(() => rmSync(folder, { recursive: true, force: true }))
  const account = opening.use(await new TestAccount().open({ grants: 'off' }))
  const file = join(folder, 'clients.json')
  const known = openClientTokens({
    file,
    audience: ['test', account.name],
    now: Date.now,
    onFault: () => {},
  })
  const handler = createHttpHandler({
    server: {
      ...account.server,
      tools: [...account.server.tools, READ_TOOL, ...(composition.tools ?? [])],
    },
    host: '127.0.0.1',
    tokens: { mcp: WORKER_TOKEN, control: CONTROL_TOKEN, stop: undefined },
    clients: composition.clients?.(known) ?? known,
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    ...(composition.clientRate === undefined ? {} : { clientRate: composition.clientRate }),
  })
  const door = await openDoor({ host: '127.0.0.1', port: 0, handle: handler.handle })
  opening.defer(async () => {
    await door[Symbol.asyncDispose]()
    await handler.close()
  })
  const open = opening.move()
  const url = `${door.url}/mcp`
  return {
    url,
    account,
    file,
    token: async (name, other = {}) => {
      const { scopes = ['tweet:read'], servers = ['test'] } = other
      const { expiresAt = new Date(Date.now() + DAY_MS) } = other
      return (await createToolClient(file, { name, scopes, servers, expiresAt })).secret
    },
    ask: async (body, headers = {}) =>
      fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    connect: async (token) => connect(url, token),
    [Symbol.asyncDispose]: async () => open.disposeAsync(),
  }
}

async function connect(url: string, token: string): Promise<Client> {
  const client = new Client(
    { name: 'outside', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  const headers = { authorization: `Bearer ${token}` }
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })
  await client.connect(transport)
  return client
}

const READ_TOOL = defineReadTool({
  name: 'get_words',
  title: 'Words',
  description: 'Says back what it is asked.',
  scope: 'tweet:read',
  input: { word: z.string().max(100) },
  output: { word: z.string() },
  read: async ({ word }) => ({ word }),
})

/** Sends what `fetch` would mend: a Host of one's own, a body in pieces. */
export async function askRaw(
  url: string,
  of: { headers: Record<string, string>; body: Iterable<string | Buffer> },
): Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }> {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof askRaw>>>()
  const { hostname, port, pathname } = new URL(url)
  const request = requestHttp(
    { hostname, port, path: pathname, method: 'POST', headers: of.headers, agent: false },
    (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
      )
    },
  )
  request.on('error', reject)
  for (const chunk of of.body) request.write(chunk)
  request.end()
  return promise
}
