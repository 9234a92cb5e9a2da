import { RetryableError } from '@chimera/contracts/errors'
import { countLetters } from '@chimera/infra/database/letters/list-letters'
import type { Database } from '@chimera/infra/database/open-database'
import { countRecord } from '@chimera/infra/stack/record-counts'
import { traceFields } from '@chimera/runtime/trace'

import type { GatewayContext } from '../http/context.ts'
import { PROBLEM_TYPE, problemOf } from '../http/problem.ts'
import type { Readiness } from '../http/readiness.ts'
import type { Route } from './route.ts'

type Deps = Readonly<{ database: Database; readiness: Readiness }>

/** Whether the gateway lives and can work; the counts are for those with a token. */
export function healthRoutes(deps: Deps): Route[] {
  return [
    { method: 'GET', path: '/livez', needs: 'public', handle: (c) => c.json({ state: 'live' }) },
    { method: 'GET', path: '/readyz', needs: 'public', handle: (c) => ready(c, deps) },
    { method: 'GET', path: '/v1/status', needs: 'read', handle: (c) => status(c, deps) },
  ]
}

async function ready(c: GatewayContext, { readiness }: Deps): Promise<Response> {
  const { state, checks } = await readiness.look()
  if (state === 'ready' || state === 'degraded') return c.json({ state, checks })
  const error = new RetryableError('UNAVAILABLE', `The gateway is ${state}.`, {
    retryAfterMs: 1_000,
  })
  const { trace_id: traceId } = traceFields(c.get('trace'))
  const { problem, headers } = problemOf(error, { instance: c.req.path, traceId })
  const body = JSON.stringify({ ...problem, state, checks })
  return c.body(body, 503, { ...headers, 'content-type': PROBLEM_TYPE })
}

async function status(c: GatewayContext, { database, readiness }: Deps): Promise<Response> {
  const [{ state, checks }, { tasks, effects }, dead] = await Promise.all([
    readiness.look(),
    countRecord(database),
    countLetters(database),
  ])
  return c.json({ state, checks, tasks, effects, dead })
}
