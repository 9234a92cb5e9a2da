import { TerminalError, type ErrorCode } from '@chimera/contracts/errors'
import { GoalId, Uuid } from '@chimera/contracts/ids'
import type { PausableKind } from '@chimera/contracts/tenancy/fence-scope'
import { MemberId } from '@chimera/contracts/tenancy/members'
import { PauseBody } from '@chimera/contracts/tenancy/pauses'
import type { Permission } from '@chimera/contracts/tenancy/roles'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { setStanding, type Standing } from '@chimera/infra/database/tenancy/set-standing'
import type { TenantDatabase } from '@chimera/infra/database/tenant-database'
import type { Logger } from '@chimera/runtime/log'

import { takeWordAway } from '../approvals/take-word-away.ts'
import type { Doorbell } from '../goals/doorbell.ts'
import type { GatewayContext } from '../http/context.ts'
import { parseInput } from '../http/faults.ts'
import { readJson } from '../http/read-json.ts'
import { pauseScope, resumePaused, type PauseAsked } from '../stops/pause.ts'
import { ringWoken } from '../stops/ring-woken.ts'
import type { StopDeps } from '../stops/stop.ts'
import type { Route } from './route.ts'

type Deps = StopDeps & Readonly<{ database: TenantDatabase; doorbell: Doorbell; log: Logger }>

type Pausable = { path: string; needs: Permission; missing: ErrorCode }

const KINDS: Readonly<Record<PausableKind, Pausable>> = {
  tenant: { path: '/v1/tenants', needs: 'admin', missing: 'TENANT_NOT_FOUND' },
  campaign: { path: '/v1/campaigns', needs: 'write', missing: 'CAMPAIGN_NOT_FOUND' },
  agent: { path: '/v1/agents', needs: 'write', missing: 'AGENT_NOT_FOUND' },
  goal: { path: '/v1/goals', needs: 'write', missing: 'GOAL_NOT_FOUND' },
}

/** Pauses and their end; a paused user gets in with none of its tokens. */
export function pauseRoutes(deps: Deps): Route[] {
  const kinds: PausableKind[] = ['tenant', 'campaign', 'agent', 'goal']
  const user = (to: Standing) => (c: GatewayContext) => standUser(c, to, deps)
  const complete = (c: GatewayContext) => completeCampaign(c, deps)
  return [
    ...kinds.flatMap((kind): Route[] => {
      const { path, needs } = KINDS[kind]
      return [
        { method: 'POST', path: `${path}/:id/pause`, needs, handle: (c) => pause(c, kind, deps) },
        { method: 'POST', path: `${path}/:id/resume`, needs, handle: (c) => resume(c, kind, deps) },
      ]
    }),
    { method: 'POST', path: '/v1/users/:id/pause', needs: 'tenant', handle: user('PAUSED') },
    { method: 'POST', path: '/v1/users/:id/resume', needs: 'tenant', handle: user('ACTIVE') },
    { method: 'POST', path: '/v1/campaigns/:id/complete', needs: 'write', handle: complete },
  ]
}

async function pause(c: GatewayContext, kind: PausableKind, deps: Deps): Promise<Response> {
  const asked = await askedOf(c, kind)
  const { report, audit } = await inTenantOf(asked, deps, () => pauseScope(deps, asked))
  deps.doorbell.ring([], audit)
  deps.log.warn({ kind, actor: asked.actor, ...report }, 'pause')
  return c.json(report)
}

async function resume(c: GatewayContext, kind: PausableKind, deps: Deps): Promise<Response> {
  const asked = await askedOf(c, kind)
  const { report, audit } = await inTenantOf(asked, deps, () => resumePaused(deps, asked))
  const { id, status } = report
  const { tenantId: tenant } = asked
  const isToPlan = kind === 'goal' && status === 'RECEIVED'
  const bell = { stream: 'chimera:goals' as const, tenant, payload: { id, ring: true } }
  deps.doorbell.ring(isToPlan ? [bell] : [], audit)
  // What it held back before a verdict; tasks that nobody has claimed the Keeper rings again.
  const held = { command: `chimera ${kind} resume ${id}`, tenantId: tenant }
  await inTenantOf(asked, deps, () => ringWoken(deps, held))
  deps.log.warn({ kind, actor: asked.actor, ...report }, 'resume')
  return c.json(report)
}

/** A tenant is moved by the house, but its rows and its trail are its own. */
const inTenantOf = <T>({ tenantId, kind }: PauseAsked, { database }: Deps, work: () => T): T =>
  database.as({ tenantId, isHouse: kind === 'tenant' }, work)

/** Of a user who is paused no word counts any more: what rests on one is fenced, too. */
async function standUser(c: GatewayContext, to: Standing, deps: Deps): Promise<Response> {
  const id = idOf(c, 'user')
  const reason = await reasonOf(c)
  const { tenantId, tokenId } = c.get('principal')
  const of = { tenantId, userId: id, actor: `token:${tokenId}` }
  const { fence, audit } = await takeWordAway(deps, of, async (tx, draft) => {
    const value = await setStanding(tx, { kind: 'user', tenantId, id, to, reason }, draft)
    return { value, mayApprove: value === 'ACTIVE' }
  })
  deps.doorbell.ring([], audit)
  return c.json(fence === undefined ? { id, status: to } : { id, status: to, fence })
}

async function completeCampaign(
  c: GatewayContext,
  { database, doorbell }: Deps,
): Promise<Response> {
  const id = idOf(c, 'campaign')
  const reason = await reasonOf(c)
  const { tenantId, tokenId } = c.get('principal')
  const audit = draftAudit()
  const to = 'COMPLETED'
  await database.transaction(async (tx) => {
    await setStanding(tx, { kind: 'campaign', to, tenantId, id, reason }, audit)
    await appendAudit(tx, audit, `token:${tokenId}`)
  })
  doorbell.ring([], audit)
  return c.json({ id, status: to })
}

async function askedOf(c: GatewayContext, kind: PausableKind): Promise<PauseAsked> {
  const { tenantId, tokenId } = c.get('principal')
  const id = idOf(c, kind)
  const reason = await reasonOf(c)
  return {
    kind,
    id,
    reason,
    tenantId: kind === 'tenant' ? id : tenantId,
    actor: `token:${tokenId}`,
  }
}

const IDS = { tenant: Uuid, campaign: MemberId, agent: MemberId, user: MemberId, goal: GoalId }

/** What is no id names nothing. */
function idOf(c: GatewayContext, kind: keyof typeof IDS): string {
  const given = c.req.param('id') ?? ''
  const parsed = IDS[kind].safeParse(given)
  if (parsed.success) return parsed.data
  const code = kind === 'user' ? 'USER_NOT_FOUND' : KINDS[kind].missing
  throw new TerminalError(code, `There is no ${kind} ${JSON.stringify(given.slice(0, 128))}.`)
}

/** Without a body there is no reason. */
async function reasonOf(c: GatewayContext): Promise<string | undefined> {
  if (c.req.header('content-type') === undefined) return undefined
  return parseInput(PauseBody, await readJson(c.req.raw), { what: 'The pause' }).reason
}
