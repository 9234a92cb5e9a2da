import { TaskType } from '@chimera/contracts/agent-task'
import { taskStream } from '@chimera/contracts/streams'
import { headStartOf } from '@chimera/domain/turns/head-start'
import type { GoalPlan } from '@chimera/infra/database/goals/commit-plans'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'
import type { Sql } from '@chimera/infra/database/open-database'
import { findQueued } from '@chimera/infra/database/tasks/find-queued'
import type { Logger } from '@chimera/runtime/log'

import type { RingRoom } from './ring-room.ts'

/** Says which ready tasks of plans are rung for, and which wait for their turn. */
export type TaskQueue = Readonly<{
  queue: (
    sql: Sql,
    leased: ReadonlyMap<string, LeasedGoal>,
    plans: readonly GoalPlan[],
  ) => Promise<GoalPlan[]>
}>

type Success = Extract<GoalPlan, { plan: unknown }>

export const goalKey = (goal: { tenantId: string; goalId: string }): string =>
  `${goal.tenantId} ${goal.goalId}`

/**
 * A tenant whose tasks find no room on a stream has its further ones wait, and whoever has some
 * waiting lets all of them wait: otherwise what came later would go first. The first of those that
 * wait is rung for, so that a Worker learns of the others.
 */
export function openTaskQueue(of: { room: RingRoom; log: Logger }): TaskQueue {
  const { room, log } = of
  /** Tenants of which some were seen waiting; asked for again until none are. */
  const queued = new Set<string>()
  const lookAgain = async (sql: Sql, plans: readonly GoalPlan[]): Promise<void> => {
    const tenantIds = [...new Set(plans.map(({ tenantId }) => tenantId))]
    const asked = tenantIds.filter((id) => queued.has(id))
    if (asked.length === 0) return
    const still = await findQueued(sql, { tenantIds: asked, types: TaskType.options })
    for (const id of asked) if (!still.has(id)) queued.delete(id)
  }
  return {
    async queue(sql, leased, plans) {
      await room.refresh().catch((err: unknown) => log.warn({ err }, 'no stream told its length'))
      await lookAgain(sql, plans)
      const belled = new Set<string>()
      return plans.map((plan) => {
        const goal = leased.get(goalKey(plan))
        if (!('plan' in plan) || plan.putOff !== undefined || goal === undefined) return plan
        const { tenantId } = plan
        const waiting = new Set<string>()
        let bell: string | undefined
        for (const { id, stream } of readyOf(plan)) {
          const mayRing = !queued.has(tenantId) && room.roomOf(stream, tenantId) > 0
          const isFirst = !mayRing && !belled.has(`${tenantId} ${stream}`)
          if (!mayRing) waiting.add(id)
          if (isFirst) {
            belled.add(`${tenantId} ${stream}`)
            bell ??= id
          }
          if (mayRing || isFirst) room.noteRung(stream, tenantId, 1)
        }
        if (waiting.size === 0) return plan
        queued.add(tenantId)
        const headStartMs = headStartOf(goal.content)
        return { ...plan, turns: { agentId: goal.agentId, headStartMs, waiting, bell } }
      })
    },
  }
}

const readyOf = ({ plan }: Success) =>
  plan.tasks
    .filter(({ dependsOn }) => dependsOn.length === 0)
    .map(({ id, type }) => ({ id, stream: taskStream(type) }))
