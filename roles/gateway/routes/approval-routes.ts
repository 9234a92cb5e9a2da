import { TerminalError } from '@chimera/contracts/errors'
import { GoalId, Uuid } from '@chimera/contracts/ids'
import { ApprovalState, Decision } from '@chimera/contracts/judging/approval'
import { findApproval, listApprovals } from '@chimera/infra/database/approvals/list-approvals'
import type { Database } from '@chimera/infra/database/open-database'
import { z } from 'zod'

import { decide } from '../approvals/decide.ts'
import { noted, type Doorbell } from '../goals/doorbell.ts'
import type { GatewayContext } from '../http/context.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { parseInput } from '../http/faults.ts'
import { linkNext, PageQuery, parseQuery } from '../http/page.ts'
import { readJson } from '../http/read-json.ts'
import type { Route } from './route.ts'

type Deps = Readonly<{ database: Database; doorbell: Doorbell }>

/** The inbox of those who approve, and their decisions. */
export function approvalRoutes(deps: Deps): Route[] {
  const path = '/v1/approvals'
  return [
    { method: 'GET', path, needs: 'read', handle: (c) => list(c, deps) },
    { method: 'GET', path: `${path}/:id`, needs: 'read', handle: (c) => show(c, deps) },
    { method: 'POST', path: `${path}/:id/decide`, needs: 'approve', handle: (c) => say(c, deps) },
  ]
}

const ListQuery = z.strictObject({
  ...PageQuery,
  /** `all` for every state; the open ones otherwise. */
  state: z.union([ApprovalState, z.literal('all')]).default('REQUESTED'),
  goal: GoalId.optional(),
})

const Place = z.tuple([z.string().max(64), Uuid])

async function list(c: GatewayContext, deps: Deps): Promise<Response> {
  const { limit, cursor, state, goal } = parseQuery(c, ListQuery)
  const { tenantId } = c.get('principal')
  const { approvals, next } = await listApprovals(deps.database, {
    tenantId,
    state: state === 'all' ? undefined : state,
    goalId: goal,
    after: cursor === undefined ? undefined : readCursor(cursor, Place),
    limit,
  })
  const nextCursor = next === undefined ? null : writeCursor(next)
  linkNext(c, nextCursor)
  return c.json({ approvals, next_cursor: nextCursor })
}

async function show(c: GatewayContext, deps: Deps): Promise<Response> {
  return c.json(await read(c, deps, idOf(c)))
}

/** 200 with the request as it is now; a second click has no effect and gets the same answer. */
async function say(c: GatewayContext, deps: Deps): Promise<Response> {
  const id = idOf(c)
  const decision = parseInput(Decision, await readJson(c.req.raw), { what: 'The decision' })
  const principal = c.get('principal')
  const { rings, audit } = await decide(deps.database, { principal, id, decision })
  const bells = rings.map((payload) => ({
    stream: 'chimera:results' as const,
    tenant: principal.tenantId,
    payload,
  }))
  deps.doorbell.ring(bells, noted(audit))
  return c.json(await read(c, deps, id))
}

async function read(c: GatewayContext, deps: Deps, id: string): Promise<object> {
  const { tenantId } = c.get('principal')
  const approval = await findApproval(deps.database, { tenantId, id })
  if (approval === undefined) throw noApproval(id)
  return approval
}

function idOf(c: GatewayContext): string {
  const given = c.req.param('id') ?? ''
  const id = Uuid.safeParse(given)
  if (!id.success) throw noApproval(given)
  return id.data
}

const noApproval = (id: string): TerminalError =>
  new TerminalError(
    'APPROVAL_NOT_FOUND',
    `There is no approval ${JSON.stringify(id.slice(0, 64))}.`,
  )
