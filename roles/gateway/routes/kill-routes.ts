import { asksForCloses } from '@chimera/contracts/judging/kill'
import type { Logger } from '@chimera/runtime/log'

import { noted, type Doorbell } from '../goals/doorbell.ts'
import type { GatewayContext } from '../http/context.ts'
import { readJson } from '../http/read-json.ts'
import { lower, raise, show, type KillDeps } from '../kills/kill.ts'
import { parseKill } from '../kills/parse-kill.ts'
import type { Route } from './route.ts'

type Deps = KillDeps & Readonly<{ doorbell: Doorbell; log: Logger }>

/** Where the operator shows the token that lowers a level. */
const TOKEN_HEADER = 'chimera-kill-token'

/** Kill levels of the house and of tenants. */
export function killRoutes(deps: Deps): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/kill',
      needs: 'admin',
      handle: async (c) => c.json(await show(deps)),
    },
    { method: 'POST', path: '/v1/kill', needs: 'admin', handle: (c) => raiseLevel(c, deps) },
    { method: 'POST', path: '/v1/kill/lower', needs: 'admin', handle: (c) => lowerLevel(c, deps) },
  ]
}

async function raiseLevel(c: GatewayContext, deps: Deps): Promise<Response> {
  const asked = { ...parseKill(await readJson(c.req.raw)), actor: actorOf(c) }
  const { report, audit } = await raise(deps, asked)
  deps.doorbell.ring([], noted(audit))
  const { scope, level } = report
  const facts = { scope, level, actor: asked.actor, reason: asked.reason, tools: report.tools }
  if (level !== null && asksForCloses(level)) {
    deps.log.error({ ...facts, alarm: true }, 'the kill level asks for what is open to be closed')
  } else deps.log.warn(facts, 'kill level raised')
  return c.json(report)
}

async function lowerLevel(c: GatewayContext, deps: Deps): Promise<Response> {
  const asked = { ...parseKill(await readJson(c.req.raw)), actor: actorOf(c) }
  const { report, audit } = await lower(deps, { ...asked, token: c.req.header(TOKEN_HEADER) })
  deps.doorbell.ring([], noted(audit))
  const { scope, level } = report
  deps.log.warn({ scope, level, actor: asked.actor, reason: asked.reason }, 'kill level lowered')
  return c.json(report)
}

const actorOf = (c: GatewayContext): string => `token:${c.get('principal').tokenId}`
