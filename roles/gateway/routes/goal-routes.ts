import { canonicalHash } from '@chimera/contracts/canonical'
import { ChimeraError, TerminalError } from '@chimera/contracts/errors'
import { GoalStatus } from '@chimera/contracts/goal'
import { GoalId } from '@chimera/contracts/ids'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { cancelGoal } from '@chimera/infra/database/goals/cancel-goal'
import type { Database } from '@chimera/infra/database/open-database'
import { findGoal } from '@chimera/infra/database/views/find-goal'
import { listGoals } from '@chimera/infra/database/views/list-goals'
import { renderTraceparent } from '@chimera/runtime/trace'
import { z } from 'zod'

import { acceptGoal } from '../goals/accept-goal.ts'
import type { Doorbell } from '../goals/doorbell.ts'
import { parseGoal } from '../goals/parse-goal.ts'
import type { QueueGuard } from '../goals/queue-guard.ts'
import type { GatewayContext } from '../http/context.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { linkNext, PageQuery, parseQuery } from '../http/page.ts'
import { readJson } from '../http/read-json.ts'
import { readIdempotencyKey } from '../http/read-key.ts'
import type { Route } from './route.ts'

type Deps = Readonly<{
  database: Database
  doorbell: Doorbell
  guard: QueueGuard
  /** Told of every answer that was kept under a key, and whose it is. */
  onAnswerKept: (tenantId: string) => void
}>

export function goalRoutes(deps: Deps): Route[] {
  return [
    { method: 'POST', path: '/v1/goals', needs: 'write', handle: (c) => post(c, deps) },
    { method: 'GET', path: '/v1/goals', needs: 'read', handle: (c) => list(c, deps) },
    { method: 'GET', path: '/v1/goals/:id', needs: 'read', handle: (c) => show(c, deps) },
    {
      method: 'POST',
      path: '/v1/goals/:id/cancel',
      needs: 'write',
      handle: (c) => cancel(c, deps),
    },
  ]
}

async function post(c: GatewayContext, deps: Deps): Promise<Response> {
  const key = readIdempotencyKey(c.req.header('idempotency-key'))
  const body = await readJson(c.req.raw)
  const goal = parseGoal(body)
  const principal = c.get('principal')
  const once = key === undefined ? undefined : { key, bodyHash: canonicalHash(body) }
  const posted = { principal, goal, once, guard: deps.guard }
  const { status, answer, ring, audit } = await acceptGoal(deps.database, posted)
  if (ring !== undefined) {
    const bell = {
      stream: 'chimera:goals' as const,
      tenant: principal.tenantId,
      traceparent: renderTraceparent(c.get('trace')),
      payload: { id: ring.id, ring: true },
    }
    deps.doorbell.ring(ring.status === 'RECEIVED' ? [bell] : [], audit)
    if (once !== undefined) deps.onAnswerKept(principal.tenantId)
    c.header('location', `/v1/goals/${ring.id}`)
  } else {
    c.header('idempotency-replayed', 'true')
  }
  return c.json(answer, status === 201 ? 201 : 200)
}

const ListQuery = z.strictObject({ ...PageQuery, status: GoalStatus.optional() })

/** After 2000 and before 2100: what PostgreSQL and this list both know. */
const Place = z.tuple([z.iso.datetime({ precision: 6 }).regex(/^20/), GoalId])

async function list(c: GatewayContext, deps: Deps): Promise<Response> {
  const { limit, cursor, status } = parseQuery(c, ListQuery)
  const [receivedAt, id] = cursor === undefined ? [] : readCursor(cursor, Place)
  const after = receivedAt === undefined || id === undefined ? undefined : { receivedAt, id }
  const { tenantId } = c.get('principal')
  const { goals, next } = await listGoals(deps.database, { tenantId, status, after, limit })
  const nextCursor = next === undefined ? null : writeCursor([next.receivedAt, next.id])
  linkNext(c, nextCursor)
  return c.json({ goals, next_cursor: nextCursor })
}

async function show(c: GatewayContext, deps: Deps): Promise<Response> {
  const goalId = goalIdOf(c)
  const { tenantId } = c.get('principal')
  const goal = await findGoal(deps.database, { tenantId, goalId })
  if (goal === undefined) throw noGoal(goalId)
  return c.json(goal)
}

/** A deadlock with the roles that move the same rows is tried again this often. */
const MAX_CANCELS = 3

async function cancel(c: GatewayContext, deps: Deps): Promise<Response> {
  const goalId = goalIdOf(c)
  const { tenantId, tokenId } = c.get('principal')
  const audit = await again(MAX_CANCELS, () => {
    const draft = draftAudit()
    return deps.database.transaction(async (tx) => {
      await cancelGoal(tx, { tenantId, goalId }, draft)
      await appendAudit(tx, draft, `token:${tokenId}`)
      return draft
    })
  })
  // Also when it was cancelled before: the bell of that time may have been lost.
  const bell = {
    stream: 'chimera:results' as const,
    tenant: tenantId,
    traceparent: renderTraceparent(c.get('trace')),
    payload: { look_at: 'goal', tenant: tenantId, id: goalId },
  }
  deps.doorbell.ring([bell], audit)
  return c.json({ id: goalId, status: 'CANCELLED' })
}

async function again<T>(times: number, work: () => Promise<T>): Promise<T> {
  for (let left = times - 1; ; left -= 1) {
    try {
      return await work()
    } catch (error) {
      const isPassing = error instanceof ChimeraError && error.kind === 'retryable'
      if (!isPassing || left <= 0) throw error
    }
  }
}

/** What is no id of a goal names no goal. */
function goalIdOf(c: GatewayContext): string {
  const id = c.req.param('id') ?? ''
  if (GoalId.safeParse(id).success) return id
  throw noGoal(id)
}

const noGoal = (id: string): TerminalError =>
  new TerminalError('GOAL_NOT_FOUND', `There is no goal ${JSON.stringify(id.slice(0, 128))}.`)
