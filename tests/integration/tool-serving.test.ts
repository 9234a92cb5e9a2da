import { canonicalHash } from '@chimera/contracts/canonical'
import { META_GRANT, META_RECEIPT } from '@chimera/contracts/grant'
import { LedgerLine } from '@chimera/contracts/tool-control'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import * as legacyHttp from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { startProcess } from './tool-process.ts'
import { openRig, Rig, TOKENS } from './tool-rig.ts'

let rig: Rig
beforeAll(async () => {
  rig = await openRig({ TWEET_COOLDOWN_MS: '1' })
})
afterAll(async () => rig[Symbol.asyncDispose]())

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const post = async (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${rig.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

describe('both eras of MCP', () => {
  test('a client of 2026 and a client of 2025 see the tools whose hash is pinned', async () => {
    const modern = await rig.connect()
    const legacy = await connectLegacy()
    try {
      expect(modern.getNegotiatedProtocolVersion()).toBe('2026-07-28')
      const lists = [(await modern.listTools()).tools, (await legacy.listTools()).tools]
      for (const tools of lists) {
        const names = tools.map(({ name }) => name)
        expect(names).toEqual(Object.keys(rig.status.definitions))
        for (const [name, hash] of Object.entries(rig.status.definitions)) {
          expect(canonicalHash(tools.find((tool) => tool.name === name))).toBe(hash)
        }
      }
    } finally {
      await modern.close()
      await legacy.close()
    }
  })

  test('a client of 2025 carries a grant and brings the receipt home', async () => {
    const legacy = await connectLegacy()
    const args = { text: 'by a client of 2025', is_ai_labeled: true }
    const claims = rig.claims({ args })
    const grant = await rig.judge.sign('grant', claims)
    const result = await legacy.callTool({
      name: 'post_tweet',
      arguments: args,
      _meta: { [META_GRANT]: grant },
    })
    await legacy.close()
    expect(result.structuredContent).toMatchObject({ status: 'CONFIRMED', simulated: true })
    const { _meta: meta } = result
    const receipt = z.record(z.string(), z.string()).parse(meta)[META_RECEIPT]
    expect(await rig.judge.read(receipt ?? '')).toMatchObject({ grant_id: claims.jti })
  })

  test('a refusal fits the output schema that it is validated against', async () => {
    const legacy = await connectLegacy()
    await legacy.listTools()
    const refused = await legacy.callTool({ name: 'post_tweet', arguments: { text: 'no grant' } })
    expect(refused).toMatchObject({
      isError: true,
      structuredContent: { status: 'NONE', code: 'GRANT_REQUIRED', retryable: false },
    })
    const read = await legacy.callTool({ name: 'get_cooldown', arguments: {} })
    expect(read.structuredContent).toMatchObject({ status: 'OK' })
    await legacy.close()
  })
})

async function connectLegacy(): Promise<LegacyClient> {
  const client = new LegacyClient({ name: 'of-2025', version: '1' })
  const transport = new legacyHttp.StreamableHTTPClientTransport(new URL('/mcp', rig.url), {
    requestInit: { headers: bearer(TOKENS.mcp) },
  })
  // Its own types do not hold under exactOptionalPropertyTypes.
  await client.connect(z.custom<Parameters<LegacyClient['connect']>[0]>().parse(transport))
  return client
}

describe('who is let in', () => {
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }

  test('nobody without the right token', async () => {
    for (const headers of [{}, bearer('wrong-token-of-the-tests'), bearer(TOKENS.control)]) {
      const response = await post('/mcp', list, headers)
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer .*resource_metadata=/)
    }
    for (const headers of [{}, bearer(TOKENS.mcp)]) {
      expect((await post('/control/reconcile', {}, headers)).status).toBe(401)
    }
  })

  test('no page that rebinds DNS, and no other origin', async () => {
    const response = await post('/mcp', list, {
      ...bearer(TOKENS.mcp),
      origin: 'http://evil.example',
    })
    expect(response.status).toBe(403)
  })

  test('no body above its cap', async () => {
    const response = await post('/mcp', `{"a":"${'x'.repeat(300_000)}"}`, bearer(TOKENS.mcp))
    expect(response.status).toBe(413)
  })

  test.each([
    ['GET', '/control/hello', 405],
    ['POST', '/control/status', 405],
    ['GET', '/control/nothing', 404],
    ['GET', '/nothing', 404],
  ])('%s %s is %d with a problem', async (method, path, status) => {
    const response = await fetch(`${rig.url}${path}`, { method, headers: bearer(TOKENS.control) })
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ status, code: expect.any(String) })
  })

  test('a body that is not JSON, or not what the route takes, is named', async () => {
    const headers = bearer(TOKENS.control)
    const broken = await post('/control/fence', '{', headers)
    expect([broken.status, await broken.json()]).toMatchObject([400, { code: 'BODY_INVALID' }])
    const wrong = await post('/control/fence', { scope: 1 }, headers)
    const body: unknown = await wrong.json()
    expect(wrong.status).toBe(422)
    expect(body).toMatchObject({ code: 'INPUT_INVALID' })
    expect(JSON.stringify(body)).toContain('stopped')
  })

  test('the stop token may stop, and nothing else', async () => {
    const headers = bearer(TOKENS.stop)
    const fence = { scope: 'goal:nobody', epoch: 1, stopped: true }
    expect((await post('/control/fence', fence, headers)).status).toBe(200)
    const resume = await post('/control/fence', { ...fence, epoch: 2, stopped: false }, headers)
    expect(resume.status).toBe(403)
    expect((await post('/control/reconcile', {}, headers)).status).toBe(403)
    expect((await fetch(`${rig.url}/control/status`, { headers })).status).toBe(403)
  })
})

test('the ledger can be read while it is held, one line an entry', async () => {
  const response = await fetch(`${rig.url}/control/ledger`, { headers: bearer(TOKENS.control) })
  const lines = (await response.text()).split('\n').filter((line) => line !== '')
  const entries = lines.map((line) => LedgerLine.parse(JSON.parse(line)))
  expect(entries.map(({ state }) => state)).toContain('CONFIRMED')
  expect(entries.every(({ boot }) => boot === rig.status.ledger.boot)).toBe(true)
})

test('its metrics count calls by tool and outcome', async () => {
  const { health } = await rig.tool.ready
  const text = await (await fetch(new URL('/metrics', String(health)))).text()
  expect(text).toMatch(/chimera_tool_calls_total\{tool="post_tweet",outcome="CONFIRMED"\} [1-9]/)
  expect(text).toMatch(/chimera_tool_calls_total\{tool="post_tweet",outcome="GRANT_REQUIRED"\} 1/)
})

describe('a process that may not start', () => {
  test.each([
    ['a cooldown beside a live back end', { TWEET_COOLDOWN_MS: '1' }, 'TWEET_COOLDOWN_MS'],
    ['an absence beside a live back end', { TWEET_ABSENCE_MS: '1' }, 'TWEET_ABSENCE_MS'],
    [
      'a crash point beside a live back end',
      { CHIMERA_CRASH_AT: 'tool.send.sent' },
      'CHIMERA_CRASH_AT',
    ],
  ])('%s ends it with 78', async (_title, env, name) => {
    const live = { TWEET_BACKEND: 'x', X_OAUTH2_TOKEN: 'token-of-the-tests' }
    await expectRefused({ ...live, ...env }, name)
  })

  test('no grants on an address that others reach ends it with 78', async () => {
    await expectRefused({ GRANTS: 'off', TOOL_HOST: '0.0.0.0' }, 'GRANTS')
  })

  test.each(['TOOL_TOKEN', 'TOOL_CONTROL_TOKEN', 'GRANT_JWKS_FILE', 'SIMULATED_X_URL'])(
    'a missing %s ends it with 78',
    async (name) => expectRefused({ [name]: '' }, name),
  )

  async function expectRefused(env: Record<string, string>, name: string): Promise<void> {
    await using other = new Rig()
    const defaults = { SIMULATED_X_URL: 'http://127.0.0.1:9' }
    await using proc = startProcess('mcp-tools/tweet/main.ts', other.env({ ...defaults, ...env }))
    expect(await proc.exited).toEqual({ code: 78, signal: null })
    expect(proc.lines.join('\n')).toContain(name)
  }
})
