/** An MCP client that knows nothing but the swarm's tools hands over work and follows it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { checkoutRoot } from '@chimera/infra/stack/state-dir'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { openStackRig, type StackRig } from './stack-rig.ts'

let rig: StackRig
let http: Client
const open: { close: () => Promise<void> }[] = []
beforeAll(async () => {
  rig = await openStackRig({ env: { SWARM_TOOLS: 'on' } })
  http = await talkHttp(secret('swarm'))
}, 90_000)
afterAll(async () => {
  await Promise.all(open.map(async (each) => each.close()))
  await rig[Symbol.asyncDispose]()
})

const secret = (name: string): string =>
  readFileSync(join(rig.stateDir, 'keys', `${name}.token`), 'utf8').trim()

async function talkHttp(token: string): Promise<Client> {
  const { urls } = await rig.status()
  const client = new Client({ name: 'web', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  const headers = { authorization: `Bearer ${token}` }
  const at = new URL('/mcp', urls.swarm)
  await client.connect(new StreamableHTTPClientTransport(at, { requestInit: { headers } }))
  open.push(client)
  return client
}

const stdio = async (url?: string) => ({
  command: process.execPath,
  args: [join(checkoutRoot(), 'mcp-tools', 'swarm', 'main.ts'), '--stdio'],
  env: {
    PATH: process.env['PATH'] ?? '',
    CHIMERA_GATEWAY_URL: url ?? (await rig.report()).urls.gateway,
    CHIMERA_TOKEN_FILE: join(rig.stateDir, 'keys', 'swarm-gateway.token'),
  },
})

const Fields = z.looseObject({
  status: z.string(),
  code: z.string().optional(),
  id: z.string().optional(),
  url: z.string().optional(),
  goal: z
    .looseObject({
      id: z.string(),
      status: z.string(),
      is_over: z.boolean(),
      effects: z.array(z.looseObject({ state: z.string(), provider_ref: z.string().optional() })),
    })
    .optional(),
  goals: z.array(z.looseObject({ id: z.string() })).optional(),
})

async function call(
  client: Pick<Client, 'callTool'>,
  name: string,
  args: Record<string, unknown>,
  onprogress: (step: { progress: number; message?: string | undefined }) => void = () => {},
) {
  const request = { name, arguments: args }
  const result = await client.callTool(request, { onprogress })
  return Fields.parse(result.structuredContent)
}

test('a goal that a client submits becomes a tweet, and the client hears how', async () => {
  const steps: string[] = []
  const submitted = await call(
    http,
    'submit_goal',
    { id: 'by-mcp', text: 'publish a tweet: said through the swarm', wait_ms: 20_000 },
    ({ message }) => void steps.push(message ?? ''),
  )
  expect(submitted).toMatchObject({ status: 'OK', id: 'by-mcp', goal_status: 'COMPLETED' })
  expect(submitted.goal?.effects).toMatchObject([
    { state: 'CONFIRMED', tool: 'post_tweet', provider_ref: rig.tweets()[0]?.id },
  ])
  expect(rig.tweets()).toHaveLength(1)
  expect(steps.length).toBeGreaterThan(0)
  // The link opens for whoever has a token of the gateway.
  const answer = await rig.api(new URL(submitted.url ?? '').pathname)
  expect(await answer.json()).toMatchObject({ id: 'by-mcp', status: 'COMPLETED' })
})

test('the same goal twice is one goal, by its id or by its words', async () => {
  const words = { text: 'generic: think of the sea' }
  const [one, other] = await Promise.all([
    call(http, 'submit_goal', words).catch(() => undefined),
    call(http, 'submit_goal', words).catch(() => undefined),
  ])
  const again = await call(http, 'submit_goal', words)
  const ids = new Set([one?.id, other?.id, again.id].filter((id) => id !== undefined))
  expect(ids.size).toBe(1)
  const named = { id: 'named', text: 'generic: think' }
  await call(http, 'submit_goal', named)
  expect(await call(http, 'submit_goal', named)).toMatchObject({ status: 'OK', id: 'named' })
  expect(await call(http, 'submit_goal', { ...named, text: 'generic: else' })).toMatchObject({
    status: 'NONE',
    code: 'GOAL_ID_CONFLICT',
  })
})

test('goals are listed, waited for and called off', async () => {
  await call(http, 'submit_goal', { id: 'to-list', text: 'generic: list me' })
  const page = await call(http, 'list_goals', { limit: 1 })
  expect(page.goals?.map(({ id }) => id)).toEqual(['to-list'])
  const waited = await call(http, 'get_goal', { id: 'to-list', wait_ms: 15_000 })
  expect(waited.goal).toMatchObject({ status: 'COMPLETED', is_over: true })
  expect(await call(http, 'cancel_goal', { id: 'to-list' })).toMatchObject({
    code: 'GOAL_FINISHED',
  })
  expect(await call(http, 'get_goal', { id: 'nobody-posted-it' })).toMatchObject({
    code: 'GOAL_NOT_FOUND',
  })
})

test("the Workers' token does not open it, and a client's token is good for its scopes", async () => {
  await expect(talkHttp(secret('mcp'))).rejects.toThrow(/401|UNAUTHENTICATED|[Uu]nauthorized/)
  const wish = ['create', 'writer', '--server', 'swarm', '--scope', 'swarm:write']
  const made = await rig.cli('tools', 'token', ...wish)
  expect(made, made.stderr).toMatchObject({ code: 0 })
  const token = /chimera_\S+/.exec(made.stdout)?.[0] ?? ''
  const writer = await talkHttp(token)
  const { tools } = await writer.listTools()
  expect(tools.map(({ name }) => name)).toEqual(['submit_goal', 'cancel_goal'])
  const live = { text: 'publish a tweet: for real', mode: 'live' }
  expect(await call(writer, 'submit_goal', live)).toMatchObject({ code: 'FORBIDDEN' })
  expect(rig.tweets()).toHaveLength(1)
})

test('it speaks on stdio, in both eras, and says when the gateway is away', async () => {
  const modern = new Client({ name: 'ide', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await modern.connect(new StdioClientTransport(await stdio()))
  open.push(modern)
  expect(await call(modern, 'get_goal', { id: 'by-mcp' })).toMatchObject({ status: 'OK' })
  const legacy = new LegacyClient({ name: 'old', version: '1' })
  await legacy.connect(new LegacyTransport(await stdio('http://127.0.0.1:9')))
  open.push(legacy)
  const away = await legacy.callTool({ name: 'list_goals', arguments: {} })
  expect(away).toMatchObject({
    isError: true,
    structuredContent: { code: 'UNAVAILABLE', retryable: true },
  })
})
