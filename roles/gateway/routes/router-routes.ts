import { setTimeout as sleep } from 'node:timers/promises'

import { CircuitMove, CircuitVerb } from '@chimera/contracts/models/router-view'
import { listTiers } from '@chimera/infra/database/circuits/list-tiers'
import { moveCircuits } from '@chimera/infra/database/circuits/move-circuits'
import type { Database } from '@chimera/infra/database/open-database'
import { SEEN_FOR_MS } from '@chimera/infra/llm/circuits/circuit-looks'
import type { Logger } from '@chimera/runtime/log'

import { noted, type Doorbell } from '../goals/doorbell.ts'
import type { GatewayContext } from '../http/context.ts'
import { parseInput } from '../http/faults.ts'
import { readJson } from '../http/read-json.ts'
import type { Route } from './route.ts'

/** `database`: the record as the house sees it, for circuits are not a tenant's. */
type Deps = Readonly<{ database: Database; doorbell: Doorbell; log: Logger }>

/**
 * The tiers of the cascade, and their circuits by hand. The gateway has no keys and asks no model:
 * `chimera router test` asks from where the keys are.
 */
export function routerRoutes(deps: Deps): Route[] {
  const { database } = deps
  return [
    {
      method: 'GET',
      path: '/v1/router',
      needs: 'admin',
      handle: async (c) => c.json({ tiers: await listTiers(database) }),
    },
    ...CircuitVerb.options.map((verb): Route => ({
      method: 'POST',
      path: `/v1/router/${verb}`,
      needs: 'admin',
      handle: (c) => move(c, verb, deps),
    })),
  ]
}

async function move(c: GatewayContext, verb: CircuitVerb, deps: Deps): Promise<Response> {
  const asked = parseInput(CircuitMove, await readJson(c.req.raw), { what: 'The move' })
  const actor = `token:${c.get('principal').tokenId}`
  const { tiers, audit } = await moveCircuits(deps.database, { ...asked, verb, actor })
  deps.doorbell.ring([], noted(audit))
  // Then no process goes by what it saw before: who has the answer knows that nobody is asking.
  if (verb === 'open') await sleep(SEEN_FOR_MS)
  const { tier, reason } = asked
  deps.log.warn({ tier, verb, actor, reason }, 'circuits were moved by hand')
  return c.json({ tiers })
}
