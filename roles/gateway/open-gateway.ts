import { InvariantError } from '@chimera/contracts/errors'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { forgetOldAnswers } from '@chimera/infra/database/idempotency/forget-old-answers'
import type { Database } from '@chimera/infra/database/open-database'
import { openTenantDatabase, type TenantDatabase } from '@chimera/infra/database/tenant-database'
import { findPrincipal } from '@chimera/infra/database/tokens/find-principal'
import { isTokenValid } from '@chimera/infra/database/tokens/is-token-valid'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import type { FeedReader } from '@chimera/infra/streams/feed-reader'
import type { Publisher } from '@chimera/infra/streams/publisher'
import type { Logger } from '@chimera/runtime/log'

import { buildApp } from './app.ts'
import { openDoorbell } from './goals/doorbell.ts'
import { openQueueGuard } from './goals/queue-guard.ts'
import { isLoopback } from './http/check-host.ts'
import { openRateLimit } from './http/rate-limit.ts'
import { openReadiness, type Readiness } from './http/readiness.ts'
import { serveHttp } from './http/serve.ts'
import type { KillDeps } from './kills/kill.ts'
import { approvalRoutes } from './routes/approval-routes.ts'
import { budgetRoutes } from './routes/budget-routes.ts'
import { feedRoute } from './routes/feed-route.ts'
import { goalRoutes } from './routes/goal-routes.ts'
import { healthRoutes } from './routes/health-routes.ts'
import { houseRoutes } from './routes/house-routes.ts'
import { killRoutes } from './routes/kill-routes.ts'
import { memoryRoutes } from './routes/memory-routes.ts'
import { pauseRoutes } from './routes/pause-routes.ts'
import { policyRoutes } from './routes/policy-routes.ts'
import { recordRoutes } from './routes/record-routes.ts'
import { replanRoutes } from './routes/replan-routes.ts'
import type { Route } from './routes/route.ts'
import { routerRoutes } from './routes/router-routes.ts'
import { settleRoutes } from './routes/settle-routes.ts'
import { stopRoutes } from './routes/stop-routes.ts'
import { tenancyRoutes } from './routes/tenancy-routes.ts'
import { toolRoutes } from './routes/tool-routes.ts'
import type { StopDeps } from './stops/stop.ts'

/** A token may fill a batch of the Planner at once and go on at this pace. */
const REQUESTS = { perSecond: 500, burst: 2_000 }
/** Requests without a valid token, by address: a person mistypes, a guesser does not get far. */
const FAILURES = { perSecond: 5, burst: 100 }
/** Whose trail says what happened to the whole house. */
const HOUSE = { tenantId: DEFAULT_TENANT, isHouse: true } as const
/** Old answers are forgotten by whoever makes new ones, now and then. */
const FORGET_EVERY_MS = 3_600_000

export type GatewayDeps = Readonly<{
  database: Database
  redis: Readonly<{ check: () => void }>
  publisher: Publisher
  /** The memory as the tenant of a request sees it. */
  openMemory: (database: Database) => MemoryStore
  feed: FeedReader
  openControl: (of: {
    url: string
  }) => ReturnType<StopDeps['openControl']> & ReturnType<KillDeps['openControl']>
  openControlWith: KillDeps['openControlWith']
  /** The operator's own token; without it nobody lowers a kill level. */
  killToken: string | undefined
  /** Tasks of one agent that may wait for their turn before its goals are refused. */
  mostQueued: number
  log: Logger
  host: string
  port: number
  /** Has to end the process. */
  onDefect: (error: InvariantError) => void
}>

export type Gateway = AsyncDisposable &
  Readonly<{
    url: string
    readiness: Readiness
    /** Every route, as the router has it, and what it asks for. */
    routes: readonly Pick<Route, 'method' | 'path' | 'needs'>[]
  }>

/**
 * The HTTP API on its connections, which stay the caller's. Disposing lets open requests finish.
 */
export async function openGateway(deps: GatewayDeps): Promise<Gateway> {
  const { log } = deps
  const database = openTenantDatabase(deps.database)
  await using opening = new AsyncDisposableStack()
  const stopping = new AbortController()
  const readiness = openReadiness({
    postgres: () => database.query({ text: 'SELECT FROM tenants LIMIT 1' }),
    redis: deps.redis.check,
  })
  const doorbell = opening.use(openDoorbell({ publisher: deps.publisher, log }))
  const routes: Route[] = [
    ...goalRoutes({
      database,
      doorbell,
      guard: openQueueGuard({ most: deps.mostQueued, now: () => performance.now() }),
      onAnswerKept: openBroom({ database, log }),
    }),
    ...recordRoutes({ database }),
    ...budgetRoutes({ database, doorbell }),
    ...replanRoutes({ database, doorbell }),
    ...houseRoutes({ database }),
    ...memoryRoutes({ database, memory: deps.openMemory(database) }),
    ...settleRoutes({ database, doorbell }),
    ...approvalRoutes({ database, doorbell }),
    ...tenancyRoutes({ database, doorbell, openControl: deps.openControl }),
    ...toolRoutes({ database, doorbell }),
    ...stopRoutes({ database, doorbell, log, openControl: deps.openControl }),
    ...killRoutes({ ...deps, database: openHouse(database), doorbell }),
    ...routerRoutes({ database: openHouse(database), doorbell, log }),
    ...pauseRoutes({ database, doorbell, log, openControl: deps.openControl }),
    ...policyRoutes({ database, doorbell, log, openControl: deps.openControl }),
    feedRoute({
      feed: deps.feed,
      isValid: ({ tenantId, tokenId }) =>
        database.as({ tenantId }, () => isTokenValid(database, tokenId)),
      signal: stopping.signal,
      log,
    }),
    ...healthRoutes({ database, readiness }),
  ]
  const app = buildApp({
    routes,
    findPrincipal: (token) => findPrincipal(database, token),
    answerAs: (scope, answer) => database.as(scope, answer),
    requests: openRateLimit(REQUESTS),
    failures: openRateLimit(FAILURES),
    isOnLoopback: isLoopback(deps.host),
    log,
    onDefect: deps.onDefect,
  })
  const { host, port } = deps
  const server = opening.use(await serveHttp({ fetch: app.fetch, host, port, log }))
  opening.defer(() => {
    readiness.drain()
    stopping.abort()
  })
  if (routes.length !== app.routes.filter(({ method }) => method !== 'ALL').length) {
    throw new InvariantError('The router has routes that the table does not have.')
  }
  const open = opening.move()
  return { url: server.url, readiness, routes, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

/** The record as the house sees it, whoever asks: kill levels are not a tenant's. */
const openHouse = (database: TenantDatabase): Database => ({
  ...database,
  query: (statement) => database.as(HOUSE, () => database.query(statement)),
  transaction: (work) => database.as(HOUSE, () => database.transaction(work)),
})

/**
 * Sweeps a tenant's answers at the first one that is kept and then once an hour, in the background.
 */
function openBroom({
  database,
  log,
}: {
  database: TenantDatabase
  log: Logger
}): (tenantId: string) => void {
  const sweptAt = new Map<string, number>()
  return (tenantId) => {
    const last = sweptAt.get(tenantId) ?? Number.NEGATIVE_INFINITY
    if (performance.now() - last < FORGET_EVERY_MS) return
    sweptAt.set(tenantId, performance.now())
    database
      .as({ tenantId }, () => forgetOldAnswers(database))
      .catch((err: unknown) => log.warn({ err }, 'old answers could not be forgotten; later again'))
  }
}
