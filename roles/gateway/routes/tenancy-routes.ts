import { newId, Uuid } from '@chimera/contracts/ids'
import { parseUnits } from '@chimera/contracts/money'
import {
  MemberId,
  NewAgent,
  NewCampaign,
  NewTenant,
  NewUser,
} from '@chimera/contracts/tenancy/members'
import type { Permission } from '@chimera/contracts/tenancy/roles'
import { appendAudit, draftAudit, type AuditDraft } from '@chimera/infra/database/append-audit'
import type { Sql } from '@chimera/infra/database/open-database'
import { memberViews } from '@chimera/infra/database/tenancy/member-views'
import { listMembers, putMember, type MemberKind } from '@chimera/infra/database/tenancy/members'
import { nameAgents } from '@chimera/infra/database/tenancy/name-agents'
import { createTenant, listTenants } from '@chimera/infra/database/tenancy/tenants'
import type { TenantDatabase } from '@chimera/infra/database/tenant-database'
import { z } from 'zod'

import { takeWordAway } from '../approvals/take-word-away.ts'
import type { Doorbell } from '../goals/doorbell.ts'
import type { GatewayContext } from '../http/context.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { parseInput } from '../http/faults.ts'
import { linkNext, PageQuery, parseQuery } from '../http/page.ts'
import { readJson } from '../http/read-json.ts'
import type { StopDeps } from '../stops/stop.ts'
import type { Route } from './route.ts'

type Deps = Pick<StopDeps, 'openControl'> &
  Readonly<{ database: TenantDatabase; doorbell: Doorbell }>

const ListQuery = z.strictObject(PageQuery)
const Place = z.tuple([MemberId])
const TenantPlace = z.tuple([Uuid])

/** Where each kind lives, and who may see and change it. */
const KINDS: Readonly<
  Record<MemberKind, { path: string; sees: Permission; writes: Permission; field: string }>
> = {
  user: { path: '/v1/users', sees: 'tenant', writes: 'tenant', field: 'users' },
  agent: { path: '/v1/agents', sees: 'read', writes: 'tenant', field: 'agents' },
  campaign: { path: '/v1/campaigns', sees: 'read', writes: 'write', field: 'campaigns' },
}

/**
 * Tenants for the house; users, agents and campaigns of the caller's tenant, which only the
 * credential names. A second post of an id changes what the first made.
 */
export function tenancyRoutes(deps: Deps): Route[] {
  const kinds: MemberKind[] = ['user', 'agent', 'campaign']
  return [
    { method: 'GET', path: '/v1/tenants', needs: 'admin', handle: (c) => tenants(c, deps) },
    { method: 'POST', path: '/v1/tenants', needs: 'admin', handle: (c) => found(c, deps) },
    ...kinds.flatMap((kind): Route[] => {
      const { path, sees, writes } = KINDS[kind]
      return [
        { method: 'GET', path, needs: sees, handle: (c) => list(c, kind, deps) },
        {
          method: 'POST',
          path,
          needs: writes,
          handle: (c) => (kind === 'user' ? putUser(c, deps) : put(c, kind, deps)),
        },
      ]
    }),
  ]
}

async function tenants(c: GatewayContext, { database }: Deps): Promise<Response> {
  const { limit, cursor } = parseQuery(c, ListQuery)
  const [after] = cursor === undefined ? [] : readCursor(cursor, TenantPlace)
  const { rows, next } = await listTenants(database, { after, limit })
  const nextCursor = next === undefined ? null : writeCursor([next])
  linkNext(c, nextCursor)
  return c.json({ tenants: rows.map(memberViews.tenant), next_cursor: nextCursor })
}

async function found(c: GatewayContext, deps: Deps): Promise<Response> {
  const body = parseInput(NewTenant, await readJson(c.req.raw), { what: 'The tenant' })
  const id = body.id ?? newId()
  // Its first entry stands in its own trail.
  const { outcome, row } = await deps.database.as({ tenantId: id, isHouse: true }, () =>
    audited(c, deps, (tx, audit) => createTenant(tx, { id, name: body.name }, audit)),
  )
  return c.json(memberViews.tenant(row), outcome === 'created' ? 201 : 200)
}

async function list(c: GatewayContext, kind: MemberKind, deps: Deps): Promise<Response> {
  const { limit, cursor } = parseQuery(c, ListQuery)
  const [after] = cursor === undefined ? [] : readCursor(cursor, Place)
  const { tenantId } = c.get('principal')
  const { rows, next } = await listMembers(deps.database, { kind, tenantId, after, limit })
  const nextCursor = next === undefined ? null : writeCursor([next])
  linkNext(c, nextCursor)
  const items = rows.map((row) => memberViews[kind](row))
  return c.json({ [KINDS[kind].field]: items, next_cursor: nextCursor })
}

const HINTS = { tenant_id: 'is not accepted: the token names the tenant' }

async function put(c: GatewayContext, kind: MemberKind, deps: Deps): Promise<Response> {
  const { id, versionId, fields, agents } = read[kind](await readJson(c.req.raw))
  const { tenantId } = c.get('principal')
  const { outcome, row } = await audited(c, deps, async (tx, audit) => {
    await nameAgents(tx, { tenantId, ids: agents }, audit)
    return putMember(tx, { kind, tenantId, id, fields, versionId }, audit)
  })
  return c.json(memberViews[kind](row), outcome === 'created' ? 201 : 200)
}

/** A user who may approve no more: grants that rest on its words are fenced before the answer. */
async function putUser(c: GatewayContext, deps: Deps): Promise<Response> {
  const { id, versionId, fields } = read.user(await readJson(c.req.raw))
  const { tenantId, tokenId } = c.get('principal')
  const of = { tenantId, userId: id, actor: `token:${tokenId}` }
  const { value, fence, audit } = await takeWordAway(deps, of, async (tx, draft) => {
    const done = await putMember(tx, { kind: 'user', tenantId, id, fields, versionId }, draft)
    const view = memberViews.user(done.row)
    return { value: { ...done, view }, mayApprove: view.roles.includes('approver') }
  })
  deps.doorbell.ring([], audit)
  const answer = fence === undefined ? value.view : { ...value.view, fence }
  return c.json(answer, value.outcome === 'created' ? 201 : 200)
}

type Given = {
  id: string
  versionId: string | undefined
  fields: Record<string, unknown>
  /** Agents that have to be there for it. */
  agents: string[]
}

const USD_DECIMALS = 6

/** The body of each kind as its row keeps it. Throws INPUT_INVALID. */
const read: Readonly<Record<MemberKind, (body: unknown) => Given>> = {
  user: (body) => {
    const of = { what: 'The user', hints: HINTS }
    const { id, version_id: versionId, ...fields } = parseInput(NewUser, body, of)
    return { id, versionId, fields, agents: [] }
  },
  agent: (body) => {
    const of = { what: 'The agent', hints: HINTS }
    const { id, version_id: versionId, ...fields } = parseInput(NewAgent, body, of)
    return { id, versionId, fields, agents: [] }
  },
  campaign: (body) => {
    const of = { what: 'The campaign', hints: HINTS }
    const parsed = parseInput(NewCampaign, body, of)
    const { id, version_id: versionId, daily_budget_usd: usd, ...fields } = parsed
    const micros = usd === null ? null : String(parseUnits(usd, USD_DECIMALS))
    const agents = [parsed.agent_id]
    return { id, versionId, fields: { ...fields, daily_budget_usd_micros: micros }, agents }
  },
}

/** Works in one transaction with its audit, and tells the feed when it is committed. */
async function audited<T>(
  c: GatewayContext,
  { database, doorbell }: Deps,
  work: (tx: Sql, audit: AuditDraft) => Promise<T>,
): Promise<T> {
  const audit = draftAudit()
  const done = await database.transaction(async (tx) => {
    const value = await work(tx, audit)
    await appendAudit(tx, audit, `token:${c.get('principal').tokenId}`)
    return value
  })
  doorbell.ring([], audit)
  return done
}
