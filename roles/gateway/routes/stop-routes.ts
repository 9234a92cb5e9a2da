import { scopeIn } from '@chimera/contracts/tenancy/fence-scope'
import { wakeWaiting } from '@chimera/infra/database/fences/wake-waiting'
import type { Logger } from '@chimera/runtime/log'

import { noted, type Doorbell } from '../goals/doorbell.ts'
import type { GatewayContext } from '../http/context.ts'
import { readJson } from '../http/read-json.ts'
import { parseStop } from '../stops/parse-scope.ts'
import { resumeScope, stopScope, type StopDeps } from '../stops/stop.ts'
import type { Route } from './route.ts'

type Deps = StopDeps & Readonly<{ doorbell: Doorbell; log: Logger }>

/** Stops and their end. */
export function stopRoutes(deps: Deps): Route[] {
  return [
    { method: 'POST', path: '/v1/stop', needs: 'admin', handle: (c) => stop(c, deps) },
    { method: 'POST', path: '/v1/resume', needs: 'admin', handle: (c) => resume(c, deps) },
  ]
}

async function stop(c: GatewayContext, deps: Deps): Promise<Response> {
  const asked = await askedBy(c)
  const { report, audit } = await stopScope(deps, asked)
  deps.doorbell.ring([], noted(audit))
  deps.log.warn({ scope: asked.scope, actor: asked.actor, ...report }, 'stop')
  return c.json(report)
}

async function resume(c: GatewayContext, deps: Deps): Promise<Response> {
  const asked = await askedBy(c)
  const { report, audit } = await resumeScope(deps, asked)
  deps.doorbell.ring([], noted(audit))
  for await (const tasks of wakeWaiting(deps.database, { for: 'stop' })) {
    deps.doorbell.ring(
      tasks.map(({ id, tenantId }) => ({
        stream: 'chimera:results' as const,
        tenant: tenantId,
        payload: { look_at: 'task', id },
      })),
      NOTHING_NOTED,
    )
  }
  deps.log.warn({ scope: asked.scope, actor: asked.actor, ...report }, 'resume')
  return c.json(report)
}

async function askedBy(c: GatewayContext): Promise<Parameters<typeof stopScope>[1]> {
  const { tenantId, tokenId } = c.get('principal')
  const { scope, ...asked } = parseStop(await readJson(c.req.raw))
  return { ...asked, scope: scopeIn(tenantId, scope), actor: `token:${tokenId}`, tenantId }
}

const NOTHING_NOTED = noted([])
