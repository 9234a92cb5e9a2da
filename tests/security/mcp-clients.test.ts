/** MCP clients over HTTP with tokens of their own: who is let in, to what, and how often. */
import { readFileSync, statSync } from 'node:fs'

import { revokeToolClient } from '@chimera/infra/stack/keys/tool-clients'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import * as legacyHttp from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { control, guarantee } from '../guarantee.ts'
import {
  askRaw,
  openClientsRig,
  WORKER_TOKEN,
  type ClientsRig,
  type Composition,
} from './mcp-clients-rig.ts'

let rig: ClientsRig
beforeAll(async () => {
  rig = await openClientsRig()
})
afterAll(async () => rig[Symbol.asyncDispose]())

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }
const callOf = (name: string, args: unknown, id = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})

describe('a token', () => {
  test('that is missing or wrong in any way is answered alike, with where to look', async () => {
    const tokens = {
      unknown: 'chimera_tool_nobody',
      expired: await rig.token('late', { expiresAt: new Date(Date.now() - 1) }),
      elsewhere: await rig.token('elsewhere', { servers: ['wallet'] }),
      control: 'token-of-the-keeper',
    }
    const answers = new Set<string>()
    for (const token of Object.values(tokens)) {
      const response = await rig.ask(LIST, bearer(token))
      const challenge = response.headers.get('www-authenticate') ?? ''
      expect(challenge).toMatch(/^Bearer error="invalid_token", resource_metadata="http:/)
      answers.add(`${response.status} ${await response.text()}`)
    }
    expect([...answers]).toHaveLength(1)
    expect([...answers][0]).toMatch(/^401 .*UNAUTHENTICATED/)
    const none = await rig.ask(LIST)
    const challenge = none.headers.get('www-authenticate') ?? ''
    expect(challenge).toMatch(/^Bearer resource_metadata=/)
    const [, metadata = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? []
    expect(await (await fetch(metadata)).json()).toEqual({
      resource: rig.url,
      scopes_supported: ['tweet:write', 'tweet:read'],
      bearer_methods_supported: ['header'],
    })
  })

  test('is let in, and refused from the moment that it is revoked', async () => {
    const token = await rig.token('short-lived')
    const client = await rig.connect(token)
    expect((await client.listTools()).tools).toHaveLength(1)
    expect(await revokeToolClient(rig.file, 'short-lived')).toHaveLength(1)
    await expect(client.listTools()).rejects.toThrow('401')
    expect((await rig.ask(LIST, bearer(token))).status).toBe(401)
  })

  test('is in the file as its hash only, which nobody else may read', async () => {
    const token = await rig.token('hidden')
    expect(readFileSync(rig.file, 'utf8')).not.toContain(token)
    expect(statSync(rig.file).mode & 0o777).toBe(0o600)
  })

  test('opens no /control', async () => {
    const token = await rig.token('curious', { scopes: ['tweet:read', 'tweet:write'] })
    const status = await fetch(new URL('/control/status', rig.url), { headers: bearer(token) })
    expect(status.status).toBe(401)
  })
})

describe('scopes', () => {
  test('decide which tools are listed, in both eras', async () => {
    const token = await rig.token('reader')
    const modern = await rig.connect(token)
    expect((await modern.listTools()).tools.map(({ name }) => name)).toEqual(['get_words'])
    const legacy = await connectLegacy(token)
    expect((await legacy.listTools()).tools.map(({ name }) => name)).toEqual(['get_words'])
    const writer = await rig.connect(await rig.token('writer', { scopes: ['tweet:write'] }))
    expect((await writer.listTools()).tools.map(({ name }) => name)).toEqual(['post_tweet'])
    await Promise.all([modern.close(), legacy.close(), writer.close()])
  })

  test('stop a call that they do not cover, also among others; nothing is done', async () => {
    const token = await rig.token('sneaky')
    const call = callOf('post_tweet', { text: 'not allowed' })
    for (const body of [call, [LIST, callOf('get_words', { word: 'a' }, 2), call]]) {
      const response = await rig.ask(body, bearer(token))
      expect(response.status).toBe(403)
      expect(response.headers.get('www-authenticate')).toMatch(
        /error="insufficient_scope", scope="tweet:write"/,
      )
      expect(await response.json()).toMatchObject({ code: 'FORBIDDEN' })
    }
    expect(rig.account.sent).toEqual([])
    const allowed = await rig.ask(callOf('get_words', { word: 'a' }), bearer(token))
    expect([allowed.status, await allowed.text()]).toEqual([200, expect.stringContaining('"OK"')])
  })

  test('that cover a call let it through', async () => {
    const token = await rig.token('author', { scopes: ['tweet:write'] })
    const client = await rig.connect(token)
    const posted = await client.callTool({ name: 'post_tweet', arguments: { text: 'allowed' } })
    expect(posted.structuredContent).toMatchObject({ status: 'CONFIRMED' })
    await client.close()
  })
})

describe('a request', () => {
  test.each([
    ['of a page elsewhere', { origin: 'http://evil.example' }],
    ['of a page without an origin', { origin: 'null' }],
    ['for another host', { host: 'evil.example' }],
  ])('%s is refused before its token is looked at', async (_title, headers) => {
    const all = { ...bearer(WORKER_TOKEN), 'content-type': 'application/json', ...headers }
    const { status } = await askRaw(rig.url, { headers: all, body: [JSON.stringify(LIST)] })
    expect(status).toBe(403)
  })

  test('of this machine passes', async () => {
    const headers = { ...bearer(WORKER_TOKEN), origin: 'http://localhost:3000' }
    expect((await rig.ask(LIST, headers)).status).toBe(200)
  })

  test.each([
    ['announced', true],
    ['in pieces without an end', false],
  ])('above 256 kB, %s, is refused with 413', async (_title, isAnnounced) => {
    const body = callOf('get_words', { word: 'x'.repeat(300_000) })
    const text = JSON.stringify(body)
    const headers = {
      ...bearer(WORKER_TOKEN),
      'content-type': 'application/json',
      ...(isAnnounced ? { 'content-length': String(text.length) } : {}),
    }
    const pieces = text.match(/.{1,10000}/gs) ?? []
    const answer = await askRaw(rig.url, { headers, body: pieces })
    expect([answer.status, answer.text]).toEqual([413, expect.stringContaining('BODY_TOO_LARGE')])
  })

  test('below it is read', async () => {
    const body = callOf('get_words', { word: 'x'.repeat(200_000) })
    expect((await rig.ask(body, bearer(WORKER_TOKEN))).status).toBe(200)
  })

  test.each([
    ['equal keys', '{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}'],
    ['no JSON', '{'],
    ['a tower of brackets', '['.repeat(10_000) + ']'.repeat(10_000)],
  ])('with %s is refused with 400', async (_title, body) => {
    const response = await rig.ask(body, bearer(WORKER_TOKEN))
    expect([response.status, await response.json()]).toMatchObject([400, { code: 'BODY_INVALID' }])
  })

  test('that is not UTF-8 is refused with 400', async () => {
    const headers = { ...bearer(WORKER_TOKEN), 'content-type': 'application/json' }
    const body = [Buffer.from([0x22, 0xff, 0xfe, 0x22])]
    expect(await askRaw(rig.url, { headers, body })).toMatchObject({ status: 400 })
  })
})

const RATE = { perSecond: 1, burst: 5 }

async function expectHeldBack(n: number, composition: Composition): Promise<void> {
  await using own = await openClientsRig(composition)
  const [one, other] = [await own.token('one'), await own.token('other')]
  const statuses: number[] = []
  for (let asked = 0; asked < n; asked += 1) {
    const response = await own.ask(LIST, bearer(one))
    statuses.push(response.status)
    if (response.status !== 429) continue
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await response.json()).toMatchObject({ code: 'RATE_LIMITED' })
  }
  const passed = statuses.filter((status) => status === 200).length
  // The burst, and one more for every second that this took.
  expect(passed, 'requests that passed').toBeLessThanOrEqual(RATE.burst + 3)
  expect(passed).toBeGreaterThanOrEqual(RATE.burst)
  expect((await own.ask(LIST, bearer(other))).status).toBe(200)
  expect((await own.ask(LIST, bearer(WORKER_TOKEN))).status).toBe(200)
}

const rateClaim = { id: 'mcp-rate', title: 'a client that asks too often waits', n: 30, seed: 1 }
guarantee(rateClaim, async ({ n }) => expectHeldBack(n, { clientRate: RATE }))
control({ guard: 'the rate limit', test: 'mcp-rate', expect: /requests that passed/ }, async () =>
  expectHeldBack(30, { clientRate: { perSecond: 1e6, burst: 1e6 } }),
)

/** Tokens of other servers and of yesterday. */
async function expectNobodyElse(n: number, composition: Composition): Promise<void> {
  await using own = await openClientsRig(composition)
  const strange = await Promise.all(
    Array.from({ length: n }, async (_, k) =>
      own.token(`strange-${k}`, {
        scopes: ['tweet:write'],
        ...(k % 2 === 0 ? { servers: ['wallet'] } : { expiresAt: new Date(Date.now() - 1) }),
      }),
    ),
  )
  for (const token of strange) {
    const response = await own.ask(callOf('post_tweet', { text: 'strange' }), bearer(token))
    expect(response.status, 'a token of another server, or an expired one').toBe(401)
  }
  expect(own.account.sent).toEqual([])
}

const audience = { id: 'mcp-audience', title: 'a token is for its server and its time', n: 6 }
guarantee({ ...audience, seed: 1 }, async ({ n }) => expectNobodyElse(n, {}))
control(
  { guard: 'audience and end of a token', test: 'mcp-audience', expect: /another server/ },
  async () =>
    expectNobodyElse(2, {
      clients: () => ({
        find: () => ({
          id: '01900000-0000-7000-8000-000000000000',
          name: 'anybody',
          hash: '0'.repeat(64),
          servers: ['wallet'],
          scopes: ['tweet:write'],
          created_at: '2026-01-01T00:00:00Z',
          expires_at: '2026-01-01T00:00:00Z',
        }),
      }),
    }),
)

async function connectLegacy(token: string): Promise<LegacyClient> {
  const client = new LegacyClient({ name: 'of-2025', version: '1' })
  const transport = new legacyHttp.StreamableHTTPClientTransport(new URL(rig.url), {
    requestInit: { headers: bearer(token) },
  })
  // Its own types do not hold under exactOptionalPropertyTypes.
  await client.connect(z.custom<Parameters<LegacyClient['connect']>[0]>().parse(transport))
  return client
}
