import { ConflictError, TerminalError } from '@chimera/contracts/errors'
import { GoalId } from '@chimera/contracts/ids'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { allowReplan } from '@chimera/infra/database/goals/commit-replan'
import { readGoalStatuses } from '@chimera/infra/database/goals/lease-goals'
import type { Database } from '@chimera/infra/database/open-database'

import type { Doorbell } from '../goals/doorbell.ts'
import type { GatewayContext } from '../http/context.ts'
import type { Route } from './route.ts'

type Deps = Readonly<{ database: Database; doorbell: Doorbell }>

/** A person's word that a goal may be planned again although effects of it may have happened. */
export function replanRoutes(deps: Deps): Route[] {
  const path = '/v1/goals/:id/replan'
  return [{ method: 'POST', path, needs: 'approve', handle: (c) => replan(c, deps) }]
}

async function replan(c: GatewayContext, { database, doorbell }: Deps): Promise<Response> {
  const goalId = c.req.param('id') ?? ''
  const { tenantId, tokenId } = c.get('principal')
  const audit = draftAudit()
  const actor = `token:${tokenId}`
  const isAllowed =
    GoalId.safeParse(goalId).success &&
    (await database.transaction(async (tx) => {
      const allowed = await allowReplan(tx, { tenantId, goalId, actor }, audit)
      await appendAudit(tx, audit, actor)
      return allowed
    }))
  if (!isAllowed) {
    const [goal] = await readGoalStatuses(database, [{ tenantId, id: goalId }])
    const name = JSON.stringify(goalId.slice(0, 128))
    if (goal === undefined) throw new TerminalError('GOAL_NOT_FOUND', `There is no goal ${name}.`)
    const message = `The goal ${name} is ${goal.status} and waits for nobody to be planned again.`
    throw new ConflictError('VERSION_CONFLICT', message)
  }
  doorbell.ring(
    [{ stream: 'chimera:goals', tenant: tenantId, payload: { id: goalId, ring: true } }],
    audit,
  )
  return c.json({ id: goalId, status: 'ACTIVE' })
}
