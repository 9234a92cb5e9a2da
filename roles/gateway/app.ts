import { type ChimeraError, InvariantError, TerminalError } from '@chimera/contracts/errors'
import type { Permission } from '@chimera/contracts/tenancy/roles'
import type { TenantScope } from '@chimera/infra/database/row-scope'
import type { Principal } from '@chimera/infra/database/tokens/find-principal'
import type { Logger } from '@chimera/runtime/log'
import { traceFields } from '@chimera/runtime/trace'
import { Hono } from 'hono'

import { authenticate } from './http/authenticate.ts'
import { checkHost } from './http/check-host.ts'
import type { GatewayContext, GatewayEnv } from './http/context.ts'
import { PROBLEM_TYPE, problemOf } from './http/problem.ts'
import type { RateLimit } from './http/rate-limit.ts'
import { traceOf } from './http/trace-of.ts'
import { methodsAt, type Route } from './routes/route.ts'

/** What the API needs; every part is handed in, so that it can be asked without a server. */
export type GatewayParts = Readonly<{
  routes: readonly Route[]
  findPrincipal: (token: string) => Promise<Principal | undefined>
  /** Answers a request as its tenant, and as nobody else. */
  answerAs: (scope: TenantScope, answer: () => Promise<Response>) => Promise<Response>
  requests: RateLimit
  failures: RateLimit
  /** Whether only this machine can reach it; then other host names are refused. */
  isOnLoopback: boolean
  log: Logger
  /** Told of a broken assumption after the client was answered: the process has to end. */
  onDefect: (error: InvariantError) => void
}>

/**
 * What every answer says, whatever it is. No CORS headers: no page of another origin may read it.
 */
const HEADERS = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

/** The HTTP API: routes by the table, problem+json for everything else. */
export function buildApp(parts: GatewayParts): Hono<GatewayEnv> {
  const app = new Hono<GatewayEnv>()
  app.use('*', async (c, next) => {
    c.set('trace', traceOf(c.req.raw))
    for (const [name, value] of Object.entries(HEADERS)) c.header(name, value)
    if (parts.isOnLoopback) checkHost(c.req.header('host'))
    await next()
  })
  for (const { method, path, needs, handle } of parts.routes) {
    app.on(method, path, async (c) => {
      if (needs === 'public') return handle(c)
      const { tenantId } = await admit(c, needs, parts)
      return parts.answerAs({ tenantId, isHouse: needs === 'admin' }, async () => handle(c))
    })
  }
  app.notFound(async (c) => {
    // Who has no token learns nothing of what there is.
    if (c.req.path.startsWith('/v1/')) await admit(c, 'read', parts)
    return answer(c, nothingAt(c, parts.routes), parts)
  })
  app.onError((error, c) => answer(c, error, parts))
  return app
}

async function admit(
  c: GatewayContext,
  needed: Permission,
  parts: GatewayParts,
): Promise<Principal> {
  const principal = await authenticate({
    authorization: c.req.header('authorization'),
    address: c.env?.incoming?.socket.remoteAddress ?? 'unknown',
    needed,
    find: parts.findPrincipal,
    requests: parts.requests,
    failures: parts.failures,
  })
  c.set('principal', principal)
  return principal
}

/** 405 with `Allow` where another method would do, 404 everywhere else. */
function nothingAt(c: GatewayContext, routes: readonly Route[]): ChimeraError {
  const methods = methodsAt(routes, c.req.path)
  if (methods.length === 0) {
    return new TerminalError('ROUTE_NOT_FOUND', `There is nothing at ${instanceOf(c)}.`)
  }
  const allow = methods.join(', ')
  c.header('allow', allow)
  return new TerminalError('METHOD_NOT_ALLOWED', `This path takes ${allow}.`)
}

function answer(c: GatewayContext, error: unknown, parts: GatewayParts): Response {
  const fields = traceFields(c.get('trace'))
  const at = { instance: instanceOf(c), traceId: fields.trace_id }
  const { status, headers, problem } = problemOf(error, at)
  const line = { ...fields, method: c.req.method, path: at.instance, status, code: problem.code }
  if (status >= 500) parts.log.error({ err: error, ...line }, 'a request failed')
  else parts.log.debug(line, 'a request was refused')
  for (const [name, value] of Object.entries(headers)) c.header(name, value)
  c.header('content-type', PROBLEM_TYPE)
  if (error instanceof InvariantError) parts.onDefect(error)
  return new Response(JSON.stringify(problem), { status, headers: c.res.headers })
}

/** As it was asked for: what is not decoded cannot surprise whoever prints it. */
const instanceOf = (c: GatewayContext): string => new URL(c.req.url).pathname.slice(0, 500)
