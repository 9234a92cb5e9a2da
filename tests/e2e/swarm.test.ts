/** An MCP client that knows nothing but the swarm's tools hands over work and follows it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { checkoutRoot } from '@chimera/infra/stack/state-dir'
import { openGatewayApi } from '@chimera/mcp-swarm/gateway-api'
import { swarmTools } from '@chimera/mcp-swarm/swarm-tools'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { control, guarantee } from '../guarantee.ts'
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

test('an image goes out by its handle, whoever hands over the goal', async () => {
  const file = join(rig.stateDir, 'sea.png')
  writeFileSync(file, Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from('sea')]))
  const handle = (await rig.cli('media', 'add', file)).stdout.trim()
  const goal = {
    kind: 'tweet.post',
    params: { text: 'look at the sea', media_ids: [handle] },
    wait_ms: 20_000,
  }
  expect(await call(http, 'submit_goal', goal)).toMatchObject({ goal_status: 'COMPLETED' })
  const [post] = rig.tweets().slice(-1)
  expect(post?.body).toMatchObject({
    text: 'look at the sea',
    media: { media_ids: [expect.stringMatching(/^\d+$/)] },
  })
  const missing = { ...goal, params: { text: 'no such image', media_ids: ['../sea.png'] } }
  expect(await call(http, 'submit_goal', missing)).toMatchObject({ code: 'INPUT_INVALID' })
})

type Submit = (goal: Record<string, unknown>) => Promise<{ id?: string | undefined }>

/** A client whose answers get lost hands the same goal over again and again. */
async function expectOneGoal(submit: Submit, n: number, text: string): Promise<void> {
  const ids: (string | undefined)[] = []
  for (let k = 0; k < n; k += 1) ids.push((await submit({ text })).id)
  const all = await Promise.all(Array.from({ length: n }, () => submit({ text })))
  ids.push(...all.map(({ id }) => id))
  // One that meets another in the middle is told to try again.
  const made = new Set(ids.filter((id) => id !== undefined))
  expect([...made], 'goals made of the same words').toHaveLength(1)
}

guarantee(
  {
    id: 'swarm-goal-once',
    title: 'a goal that is handed over again and again is one goal, by its words',
    n: 5,
    seed: 0,
  },
  async ({ n }) => {
    await expectOneGoal((goal) => call(http, 'submit_goal', goal), n, 'generic: think of the sea')
  },
)

control(
  {
    guard: 'the key made of the words',
    test: 'swarm-goal-once',
    expect: /goals made of the same words.*length of 1/s,
  },
  async () => {
    const { urls } = await rig.report()
    const gateway = openGatewayApi({ url: urls.gateway, token: secret('swarm-gateway') })
    const [submitGoal] = swarmTools({
      ...gateway,
      post: (path, asked) => gateway.post(path, { body: asked?.body }),
    })
    const submit: Submit = async (goal) =>
      Fields.parse({ status: '', ...(await submitGoal?.read(goal)) })
    await expectOneGoal(submit, 2, 'generic: think of the sky')
  },
)

test('a goal with an id is that goal, and no other words may have it', async () => {
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

test("the Workers' token does not open it, a client's is good for its scopes", async () => {
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
  const said = rig.tweets().map(({ body }) => JSON.stringify(body))
  expect(said.filter((body) => body.includes('for real'))).toEqual([])
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
