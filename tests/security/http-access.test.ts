import { connect } from 'node:net'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { revokeToken } from '@chimera/infra/database/tokens/revoke-token'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openGatewayRig, problemIn, type GatewayRig } from '../integration/gateway-rig.ts'

let rig: GatewayRig
beforeAll(async () => {
  rig = await openGatewayRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

const PUBLIC = new Set(['GET /livez', 'GET /readyz'])

const pathOf = (path: string): string => path.replaceAll(/:\w+/g, 'x')

async function secretWith(name: string, scopes: ('read' | 'write')[]): Promise<string> {
  const of = { tenantId: DEFAULT_TENANT, name, scopes, actor: 'test' }
  return (await createToken(rig.database, of)).secret
}

/** Questions that are too long for a query: they change nothing. */
const QUESTIONS = new Set([
  '/v1/memories/search',
  ...['lint', 'diff', 'evaluate', 'explain', 'simulate'].map(
    (question) => `/v1/policy/${question}`,
  ),
])

describe('every route of the gateway', () => {
  test('but health asks for a token that is known, valid and whole', async () => {
    const revoked = await secretWith('revoked', ['read', 'write'])
    await revokeToken(rig.database, {
      tenantId: DEFAULT_TENANT,
      idOrName: 'revoked',
      actor: 'test',
    })
    const expired = await secretWith('expired', ['read', 'write'])
    await rig.database.query({
      text: `UPDATE api_tokens SET expires_at = now() - interval '1 second' WHERE name = 'expired'`,
    })
    const wrong = [
      '',
      'Bearer',
      'Bearer ',
      `Basic ${rig.token}`,
      rig.token,
      `Bearer ${rig.token.slice(0, -1)}`,
      `Bearer ${rig.token} x`,
      `Bearer ${revoked}`,
      `Bearer ${expired}`,
      "Bearer ' OR 1=1 --",
    ]
    const routes = rig.gateway.routes.map(({ method, path }) => `${method} ${path}`)
    expect(routes.length).toBeGreaterThan(9)
    for (const [n, route] of routes.entries()) {
      const [method = '', path = ''] = route.split(' ')
      const authorization = wrong[n % wrong.length] ?? ''
      const response = await rig.ask(pathOf(path), { method, headers: { authorization } })
      if (PUBLIC.has(route)) expect([route, response.status]).toEqual([route, 200])
      else {
        expect([route, response.status]).toEqual([route, 401])
        expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/)
        expect(await problemIn(response)).toMatchObject({ code: 'UNAUTHENTICATED' })
      }
    }
    for (const authorization of wrong) {
      const response = await rig.ask('/v1/goals', { headers: { authorization } })
      expect([authorization, response.status]).toEqual([authorization, 401])
    }
  })

  test('that changes something is closed to a token that may only look', async () => {
    const token = await secretWith('reader', ['read'])
    const headers = { authorization: `Bearer ${token}` }
    for (const { method, path, needs } of rig.gateway.routes) {
      const response = await rig.ask(pathOf(path), { method, headers })
      await response.body?.cancel()
      const isOpen = needs === 'public' || needs === 'read'
      expect([path, response.status === 403]).toEqual([path, !isOpen])
      if (method !== 'GET' && !QUESTIONS.has(path)) {
        expect([path, isOpen]).toEqual([path, false])
      }
    }
    const before = await rig.database.query({ text: 'SELECT FROM goals' })
    await rig.post('/v1/goals', { text: 'generic: no' }, headers)
    expect(await rig.database.query({ text: 'SELECT FROM goals' })).toHaveLength(before.length)
  })

  test('answers methods that it does not have with 405, Allow and a problem', async () => {
    for (const { path } of rig.gateway.routes) {
      const response = await rig.ask(pathOf(path), { method: 'DELETE' })
      expect([path, response.status]).toEqual([path, 405])
      expect(response.headers.get('allow')).toMatch(/GET|POST/)
      expect(await problemIn(response)).toMatchObject({ code: 'METHOD_NOT_ALLOWED' })
    }
  })
})

describe('the gateway', () => {
  test('finds nothing where nothing is, and says so in the same way', async () => {
    for (const path of ['/', '/v1', '/v1/', '/v1/goals/', '/v2/goals', '/v1/goals/x/y', '/%00']) {
      const response = await rig.ask(path)
      expect([path, response.status]).toEqual([path, 404])
      expect(await problemIn(response)).toMatchObject({ status: 404, retryable: false })
    }
  })

  test('answers requests for another host with 403', async () => {
    const said = await raw('GET /v1/goals HTTP/1.1\r\nHost: evil.example\r\n\r\n')
    expect(said).toMatch(/^HTTP\/1\.1 403 /)
    expect(said).toContain('application/problem+json')
    const own = await raw('GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    expect(own).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('answers what is no HTTP with a problem, too, and lives on', async () => {
    const long = 'a'.repeat(70_000)
    const requests = [
      'nonsense\r\n\r\n',
      'GET / HTTP/1.1\r\nno colon\r\n\r\n',
      `GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${long}\r\n\r\n`,
      'POST /v1/goals HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      'GET http://[:: HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      'GET / HTTP/1.0\r\n\r\n',
    ]
    for (const request of requests) {
      const said = await raw(request)
      expect([request.slice(0, 40), said]).toEqual([
        request.slice(0, 40),
        expect.stringMatching(/^HTTP\/1\.1 4\d\d [\s\S]*application\/problem\+json/),
      ])
    }
    expect((await rig.ask('/livez')).status).toBe(200)
  })

  test('lets nobody guess tokens for long, and bothers nobody else with it', async () => {
    await using own = await openGatewayRig()
    const headers = { authorization: 'Bearer guess' }
    const statuses = new Set<number>()
    for (let n = 0; n < 130; n += 1) {
      statuses.add((await own.ask('/v1/goals', { headers })).status)
    }
    expect([...statuses]).toEqual([401, 429])
    expect((await own.ask('/livez')).status).toBe(200)
  })

  test('keeps no token in the record, only its hash', async () => {
    const secret = await secretWith('hashed', ['read'])
    const rows = await rig.database.query<{ all: string }>({
      text: `SELECT (SELECT json_agg(t) FROM api_tokens t)::text
        || (SELECT json_agg(a) FROM audit_entries a)::text AS all`,
    })
    expect(rows[0]?.all).toContain('hashed')
    expect(rows[0]?.all).not.toContain(secret.slice('chimera_'.length))
  })
})

/** Writes bytes to the gateway's port and reads what comes back. */
async function raw(request: string): Promise<string> {
  const { hostname, port } = new URL(rig.url)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let said = ''
  const socket = connect(Number(port), hostname, () => socket.write(request))
  socket.setTimeout(2_000, () => socket.destroy())
  socket.on('data', (chunk) => {
    said += chunk.toString()
    // Everything that is asked here is answered at once.
    socket.setTimeout(200)
  })
  socket.on('error', (error) => (said === '' ? reject(error) : resolve(said)))
  socket.on('close', () => resolve(said))
  return promise
}
