/** A gateway on a real record and a real Redis, in this process, and a client of it. */
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { openGateway, type Gateway } from '@chimera/gateway/open-gateway'
import { openDatabase } from '@chimera/infra/database/open-database'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import { openPostgresMemory } from '@chimera/infra/memory/postgres/postgres-memory'
import { openFeedReader } from '@chimera/infra/streams/feed-reader'
import { openRedis, type RedisConnection } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { openToolControl } from '@chimera/infra/tools/tool-control'
import { openLog } from '@chimera/runtime/log'

import { openFreshDatabase, urlAs, type FreshDatabase } from '../fresh-database.ts'
import { ownRedisUrl } from '../own-redis.ts'

export type GatewayRig = AsyncDisposable &
  Readonly<{
    database: FreshDatabase
    redis: RedisConnection
    gateway: Gateway
    url: string
    /** A bearer token that may do everything. */
    token: string
    /** With the token, unless the request says otherwise. */
    ask: (path: string, init?: RequestInit) => Promise<Response>
    post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Response>
  }>

/** With which the gateway stops tool servers. */
export const CONTROL_TOKEN = 'the-control-token-of-this-test'

/** `redisUrl` stands for a Redis that is away. */
export async function openGatewayRig(
  of: { publishesTo?: RedisConnection; killToken?: string; mostQueued?: number } = {},
): Promise<GatewayRig> {
  await using opening = new AsyncDisposableStack()
  const log = openLog({ name: 'gateway-test', level: 'silent' })
  const database = opening.use(await openFreshDatabase())
  const target = { url: ownRedisUrl(), name: 'gateway-test', log }
  const redis = opening.use(await openRedis(target))
  await redis.client.flushall()
  const { secret: token } = await createToken(database, {
    tenantId: DEFAULT_TENANT,
    name: 'test',
    scopes: ['admin'],
    actor: 'test',
  })
  const feed = opening.use(openFeedReader({ ...target, redis }))
  const rings = of.publishesTo ?? redis
  // As in production: the gateway's role sees one tenant at a time; `database` is the test's own.
  const url = urlAs('chimera_gateway', database.databaseUrl)
  const served = opening.use(
    openDatabase({ url, name: 'gateway-test', log, role: 'chimera_gateway' }),
  )
  const gateway = opening.use(
    await openGateway({
      database: served,
      redis: rings,
      publisher: openPublisher({ redis: rings, source: 'gateway' }),
      feed,
      openMemory: (own) =>
        openPostgresMemory({
          database: own,
          embedder: lexicalEmbedder,
          scopeOf: (tenantId) => ({ tenantId }),
        }),
      openControl: (server) => openToolControl({ ...server, token: CONTROL_TOKEN }),
      openControlWith: openToolControl,
      killToken: of.killToken,
      mostQueued: of.mostQueued ?? 500_000,
      log,
      host: '127.0.0.1',
      port: 0,
      onDefect: (error) => {
        throw error
      },
    }),
  )
  const ask: GatewayRig['ask'] = (path, init = {}) => {
    const headers = new Headers(init.headers)
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${token}`)
    return fetch(gateway.url + path, { ...init, headers })
  }
  const open = opening.move()
  return {
    database,
    redis,
    gateway,
    url: gateway.url,
    token,
    ask,
    post: (path, body, headers = {}) =>
      ask(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

/** The problem of an answer; fails when it is none. */
export async function problemIn(response: Response): Promise<Record<string, unknown>> {
  const type = response.headers.get('content-type')
  if (type !== 'application/problem+json') throw new Error(`${response.status} came as ${type}`)
  const problem: unknown = await response.json()
  if (typeof problem !== 'object' || problem === null) throw new Error('the problem is no object')
  return { ...problem }
}
