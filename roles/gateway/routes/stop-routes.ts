import { scopeIn } from '@chimera/contracts/tenancy/fence-scope'
import { listTenants } from '@chimera/infra/database/tenancy/tenants'
import type { TenantDatabase } from '@chimera/infra/database/tenant-database'
import type { Logger } from '@chimera/runtime/log'

import { noted, type Doorbell } from '../goals/doorbell.ts'
import type { GatewayContext } from '../http/context.ts'
import { readJson } from '../http/read-json.ts'
import { parseStop } from '../stops/parse-scope.ts'
import { ringWoken } from '../stops/ring-woken.ts'
import { resumeScope, stopScope, type StopDeps } from '../stops/stop.ts'
import type { Route } from './route.ts'

type Deps = StopDeps & Readonly<{ database: TenantDatabase; doorbell: Doorbell; log: Logger }>

const TENANTS_AT_ONCE = 200

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
  await wakeAll(deps)
  deps.log.warn({ scope: asked.scope, actor: asked.actor, ...report }, 'resume')
  return c.json(report)
}

async function askedBy(c: GatewayContext): Promise<Parameters<typeof stopScope>[1]> {
  const { tenantId, tokenId } = c.get('principal')
  const { scope, ...asked } = parseStop(await readJson(c.req.raw))
  return { ...asked, scope: scopeIn(tenantId, scope), actor: `token:${tokenId}`, tenantId }
}

/** A stop may have held back every tenant: each is looked at as itself. */
async function wakeAll(deps: Deps): Promise<void> {
  let after: string | undefined
  do {
    const { rows, next } = await listTenants(deps.database, { after, limit: TENANTS_AT_ONCE })
    for (const { id } of rows) {
      await deps.database.as({ tenantId: id }, () => ringWoken(deps, 'stop'))
    }
    after = next
  } while (after !== undefined)
}
