import { CapChange, CapScope } from '@chimera/contracts/budget/cap'
import { listBudgets } from '@chimera/infra/database/budgets/list-budgets'
import { setCap } from '@chimera/infra/database/budgets/set-cap'
import type { Database } from '@chimera/infra/database/open-database'
import { z } from 'zod'

import { noted, type Doorbell } from '../goals/doorbell.ts'
import type { GatewayContext } from '../http/context.ts'
import { parseInput } from '../http/faults.ts'
import { parseQuery } from '../http/page.ts'
import { readJson } from '../http/read-json.ts'
import type { Route } from './route.ts'

type Deps = Readonly<{ database: Database; doorbell: Doorbell }>

/** What may be spent, and what is. */
export function budgetRoutes(deps: Deps): Route[] {
  const path = '/v1/budgets'
  return [
    { method: 'GET', path, needs: 'read', handle: (c) => list(c, deps) },
    { method: 'POST', path, needs: 'policy', handle: (c) => set(c, deps) },
  ]
}

const Query = z.strictObject({ scope: CapScope.optional() })

async function list(c: GatewayContext, { database }: Deps): Promise<Response> {
  const { scope } = parseQuery(c, Query)
  const { tenantId } = c.get('principal')
  const scopeId = scope?.scope === 'tenant' ? tenantId : (scope?.scopeId ?? undefined)
  return c.json({
    budgets: await listBudgets(database, { tenantId, scope: scope?.scope, scopeId }),
  })
}

async function set(c: GatewayContext, { database, doorbell }: Deps): Promise<Response> {
  const change = parseInput(CapChange, await readJson(c.req.raw), { what: 'The cap' })
  const { tenantId, tokenId } = c.get('principal')
  const { scope } = change.scope
  const scopeId = change.scope.scopeId ?? tenantId
  const { audit, woken } = await setCap(database, {
    tenantId,
    scope,
    scopeId,
    modes: change.mode === 'both' ? ['paper', 'live'] : [change.mode],
    asset: change.asset,
    cap: change.cap === 'none' || change.cap === 'default' ? change.cap : BigInt(change.cap),
    actor: `token:${tokenId}`,
  })
  doorbell.ring(
    woken.map((id) => ({
      stream: 'chimera:results' as const,
      tenant: tenantId,
      payload: { look_at: 'task', id },
    })),
    noted(audit),
  )
  const views = await listBudgets(database, { tenantId, scope, scopeId })
  return c.json({ budgets: views.filter(({ asset }) => asset === change.asset) })
}
