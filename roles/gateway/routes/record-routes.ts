import { EffectState } from '@chimera/contracts/effect'
import { TerminalError } from '@chimera/contracts/errors'
import { GoalId, Uuid } from '@chimera/contracts/ids'
import type { Database } from '@chimera/infra/database/open-database'
import { findSettlement } from '@chimera/infra/database/settlements/find-settlement'
import { findEffect } from '@chimera/infra/database/views/find-effect'
import { findTask } from '@chimera/infra/database/views/find-task'
import { listEffects } from '@chimera/infra/database/views/list-effects'
import { z } from 'zod'

import type { GatewayContext } from '../http/context.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { linkNext, PageQuery, parseQuery } from '../http/page.ts'
import type { Route } from './route.ts'

type Deps = Readonly<{ database: Database }>

/** Tasks and effects, to be looked at. */
export function recordRoutes(deps: Deps): Route[] {
  return [
    { method: 'GET', path: '/v1/tasks/:id', needs: 'read', handle: (c) => showTask(c, deps) },
    { method: 'GET', path: '/v1/effects', needs: 'read', handle: (c) => list(c, deps) },
    { method: 'GET', path: '/v1/effects/:id', needs: 'read', handle: (c) => showEffect(c, deps) },
  ]
}

async function showTask(c: GatewayContext, deps: Deps): Promise<Response> {
  const given = c.req.param('id') ?? ''
  const id = Uuid.safeParse(given)
  const { tenantId } = c.get('principal')
  const task = id.success && (await findTask(deps.database, { tenantId, taskId: id.data }))
  if (!task) throw new TerminalError('TASK_NOT_FOUND', `There is no task ${quoted(given)}.`)
  return c.json(task)
}

const ListQuery = z.strictObject({
  ...PageQuery,
  goal: GoalId.optional(),
  state: EffectState.optional(),
})

const Place = z.tuple([Uuid])

async function list(c: GatewayContext, deps: Deps): Promise<Response> {
  const { limit, cursor, goal, state } = parseQuery(c, ListQuery)
  const [after] = cursor === undefined ? [] : readCursor(cursor, Place)
  const { tenantId } = c.get('principal')
  const of = { tenantId, goalId: goal, state, after, limit }
  const { effects, next } = await listEffects(deps.database, of)
  const nextCursor = next === undefined ? null : writeCursor([next])
  linkNext(c, nextCursor)
  return c.json({ effects, next_cursor: nextCursor })
}

/** The id of a row or a grant, or an effect key. */
const Reference = z.union([Uuid, z.string().regex(/^[0-9a-f]{64}$/)])

async function showEffect(c: GatewayContext, deps: Deps): Promise<Response> {
  const given = c.req.param('id') ?? ''
  const reference = Reference.safeParse(given)
  const { tenantId } = c.get('principal')
  const effect =
    reference.success && (await findEffect(deps.database, { tenantId, reference: reference.data }))
  if (!effect) throw new TerminalError('EFFECT_NOT_FOUND', `There is no effect ${quoted(given)}.`)
  const settlement = await findSettlement(deps.database, effect.id)
  return c.json(settlement === undefined ? effect : { ...effect, settlement })
}

const quoted = (id: string): string => JSON.stringify(id.slice(0, 128))
