/** An MCP client that knows nothing but the swarm's tools hands over work and follows it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { openDatabase } from '@chimera/infra/database/open-database'
import { checkoutRoot } from '@chimera/infra/stack/state-dir'
import { openGatewayApi } from '@chimera/mcp-swarm/gateway-api'
import { swarmTools } from '@chimera/mcp-swarm/swarm-tools'
import { openLog } from '@chimera/runtime/log'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { control, guarantee } from '../guarantee.ts'
import { ended, eventually, openStackRig, type StackRig } from './stack-rig.ts'

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
  approvals: z.array(z.looseObject({ id: z.string(), goal_id: z.string() })).optional(),
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

/** Turns the clock of a request back in the record, as only the owner of the table may. */
async function letTimePass(id: string): Promise<void> {
  const { urls } = await rig.report()
  const log = openLog({ name: 'test', level: 'silent' })
  await using record = openDatabase({ url: urls.postgres, name: 'test', log, max: 1 })
  const trigger = 'TRIGGER approvals_binding_is_frozen'
  await record.transaction(async (tx) => {
    await tx.query({ text: `ALTER TABLE approvals DISABLE ${trigger}` })
    await tx.query({
      text: `UPDATE approvals SET expires_at = now() - interval '1 second' WHERE id = $1`,
      values: [id],
    })
    await tx.query({ text: `ALTER TABLE approvals ENABLE ${trigger}` })
  })
}

test('what waits for a person is listed, decided by every door, and done or not', async () => {
  const goals = ['vote-yes', 'vote-no', 'vote-late']
  for (const id of goals) {
    await call(http, 'submit_goal', { id, text: `publish a tweet: go and vote, says ${id}` })
  }
  const asked = await eventually(
    async () => {
      const { approvals = [] } = await call(http, 'list_approvals', {})
      return approvals.length === goals.length ? approvals : undefined
    },
    30_000,
    'three requests wait',
  )
  const of = (goal: string) => asked.find(({ goal_id: id }) => id === goal)?.id ?? ''

  const shown = await rig.cli('approval', 'show', of('vote-yes'), '--json')
  expect(JSON.parse(shown.stdout)).toMatchObject({ state: 'REQUESTED', goal_id: 'vote-yes' })
  const yes = await rig.cli('approval', 'approve', of('vote-yes'), '--json')
  expect(yes, yes.stderr).toMatchObject({ code: 0 })
  const no = await rig.api(`/v1/approvals/${of('vote-no')}/decide`, {
    method: 'POST',
    body: { decision: 'reject', reason: 'not in our name' },
  })
  expect(no.status).toBe(200)
  // Nobody answers the third: the Keeper sees that its time is over.
  await letTimePass(of('vote-late'))

  expect(await ended(rig, 'vote-yes')).toMatchObject({
    status: 'COMPLETED',
    effects: [{ state: 'CONFIRMED', approvals: [of('vote-yes')] }],
  })
  expect(await ended(rig, 'vote-no')).toMatchObject({
    status: 'FAILED',
    effects: [{ state: 'DENIED' }],
    tasks: [{ phase: 'denied', failure: { code: 'APPROVAL_REJECTED' } }],
  })
  expect(await ended(rig, 'vote-late')).toMatchObject({
    status: 'FAILED',
    effects: [{ state: 'EXPIRED' }],
    tasks: [{ phase: 'denied', failure: { code: 'APPROVAL_EXPIRED' } }],
  })
  const said = rig.tweets().map(({ body }) => JSON.stringify(body))
  expect(said.filter((body) => body.includes('go and vote'))).toEqual([
    expect.stringContaining('says vote-yes'),
  ])
  expect((await call(http, 'list_approvals', {})).approvals).toEqual([])
})

test('the status names the levels that are raised and what is paused', async () => {
  const post = async (path: string, body: object) =>
    (await rig.api(path, { method: 'POST', body })).status
  expect(await post('/v1/kill', { level: 1, reason: 'a drill' })).toBe(200)
  expect(await post('/v1/agents/default/pause', {})).toBe(200)
  expect(await rig.status()).toMatchObject({
    kill: [{ scope: 'everything', level: 1, name: 'CAUTION', reason: 'a drill', auto: false }],
    paused: [{ kind: 'agent', id: 'default' }],
  })
  const { stdout } = await rig.cli('status')
  expect(stdout).toContain('KILL      everything at 1 CAUTION, by hand: a drill')
  expect(stdout).toContain('PAUSED    agent default')
  expect((await rig.cli('kill', 'lower', '0', '--reason', 'over')).code).toBe(0)
  expect(await post('/v1/agents/default/resume', {})).toBe(200)
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
