import { InvariantError } from '@chimera/contracts/errors'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { Principal } from '@chimera/infra/database/tokens/find-principal'
import { openLog } from '@chimera/runtime/log'
import { describe, expect, it } from 'vitest'

import { buildApp, type GatewayParts } from './app.ts'
import { openRateLimit } from './http/rate-limit.ts'
import type { Route } from './routes/route.ts'

const routes: readonly Route[] = [
  { method: 'GET', path: '/livez', needs: 'public', handle: (c) => c.json({}) },
  { method: 'GET', path: '/v1/things', needs: 'read', handle: (c) => c.json([]) },
  { method: 'POST', path: '/v1/things', needs: 'write', handle: (c) => c.json({}, 201) },
  { method: 'GET', path: '/v1/things/:id', needs: 'read', handle: (c) => c.json({}) },
  {
    method: 'GET',
    path: '/v1/broken',
    needs: 'read',
    handle: () => {
      throw new InvariantError('a secret of ours')
    },
  },
]

const principal = (scopes: Principal['scopes']): Principal => ({
  tokenId: scopes.join('-'),
  tenantId: DEFAULT_TENANT,
  name: 'test',
  scopes,
  roles: [],
  userId: null,
})

function rig(more: Partial<GatewayParts> = {}) {
  const defects: unknown[] = []
  const app = buildApp({
    routes,
    findPrincipal: (token) => {
      const known = { r: principal(['read']), w: principal(['write']), a: principal(['admin']) }
      return Promise.resolve(Object.entries(known).find(([name]) => name === token)?.[1])
    },
    answerAs: (_scope, answer) => answer(),
    requests: openRateLimit({ perSecond: 1, burst: 100 }),
    failures: openRateLimit({ perSecond: 1, burst: 3 }),
    isOnLoopback: true,
    log: openLog({ name: 'test', level: 'silent' }),
    onDefect: (error) => void defects.push(error),
    ...more,
  })
  const ask = (path: string, init: RequestInit = {}, token?: string) =>
    app.request(path, {
      ...init,
      headers: {
        host: 'localhost',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...Object.fromEntries(new Headers(init.headers)),
      },
    })
  return { ask, defects }
}

describe('the gateway', () => {
  it('answers public routes to everyone, all others to tokens with the scope', async () => {
    const { ask } = rig()
    const statuses = async (token?: string) => {
      const asked = [
        await ask('/livez', {}, token),
        await ask('/v1/things', {}, token),
        await ask('/v1/things', { method: 'POST' }, token),
      ]
      return asked.map(({ status }) => status)
    }
    expect(await statuses()).toEqual([200, 401, 401])
    expect(await statuses('r')).toEqual([200, 200, 403])
    expect(await statuses('w')).toEqual([200, 403, 201])
    expect(await statuses('a')).toEqual([200, 200, 201])
  })

  it('says how to authenticate, and nothing of what there is to those who do not', async () => {
    const { ask } = rig()
    for (const path of ['/v1/things', '/v1/nothing']) {
      const response = await ask(path)
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="chimera"')
    }
  })

  it('names the methods of a path that takes another one', async () => {
    const { ask } = rig()
    const put = await ask('/v1/things', { method: 'PUT' }, 'a')
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST'])
    const post = await ask('/v1/things/7', { method: 'POST' }, 'a')
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect((await ask('/v1/things/7/8', { method: 'POST' }, 'a')).status).toBe(404)
    expect((await ask('/livez', { method: 'HEAD' })).status).toBe(200)
  })

  it('puts its headers on every answer, whatever it is, and opens no other origin', async () => {
    const { ask } = rig()
    const origin = { headers: { origin: 'https://evil.example' } }
    for (const path of ['/livez', '/v1/things', '/nothing', '/v1/broken']) {
      const { headers } = await ask(path, origin, 'a')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('access-control-allow-origin')).toBeNull()
    }
  })

  it('carries the trace of its client into its problems', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const response = await rig().ask('/nothing', { headers: { traceparent } })
    expect(await response.json()).toMatchObject({ trace_id: '0af7651916cd43dd8448eb211c80319c' })
  })

  it('lets nobody guess for long, from one address', async () => {
    const { ask } = rig()
    const statuses = []
    for (let n = 0; n < 5; n += 1) statuses.push((await ask('/v1/things', {}, 'guess')).status)
    expect(statuses).toEqual([401, 401, 401, 429, 429])
    expect((await ask('/livez')).status).toBe(200)
  })

  it('answers a broken assumption with 500, without its words, and asks to end', async () => {
    const { ask, defects } = rig()
    const response = await ask('/v1/broken', {}, 'a')
    expect(response.status).toBe(500)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.text()).not.toContain('secret')
    expect(defects).toHaveLength(1)
  })

  it('refuses names of other hosts only where it listens for this machine alone', async () => {
    const foreign = { headers: { host: 'evil.example' } }
    expect((await rig().ask('/livez', foreign)).status).toBe(403)
    expect((await rig({ isOnLoopback: false }).ask('/livez', foreign)).status).toBe(200)
  })
})
