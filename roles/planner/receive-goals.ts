import { DEFAULT_AGENT } from '@chimera/contracts/ids'
import type { FeedEvent } from '@chimera/contracts/trail/feed'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { type InsertedGoal, insertGoals } from '@chimera/infra/database/goals/insert-goals'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'
import { feedEvents } from '@chimera/infra/streams/feed-events'

import type { PlannerDeps } from './plan-goals.ts'
import type { GoalEntry } from './read-goal-entry.ts'

export type FullGoal = Extract<GoalEntry, { kind: 'goal' }>

/** What became of goals from the stream, in their order, and those that are now ours to plan. */
export type Received = {
  readonly outcomes: readonly InsertedGoal[]
  readonly leased: readonly LeasedGoal[]
}

/**
 * Accepts goals: one transaction commits them as RECEIVED, already leased to this planner, and the
 * feed says so. Cheap on purpose, and before any planning: from here on a goal cannot be lost.
 */
export async function receiveGoals(
  deps: PlannerDeps,
  goals: readonly FullGoal[],
): Promise<Received> {
  if (goals.length === 0) return { outcomes: [], leased: [] }
  const { actor, leaseMs } = deps
  const audit = draftAudit()
  const outcomes = await deps.database.transaction(async (tx) => {
    const news = goals.map((goal) => ({ ...goal, source: 'stream' as const }))
    const inserted = await insertGoals(tx, news, audit, { owner: actor, leaseMs })
    await appendAudit(tx, audit, actor)
    return inserted
  })
  deps.crash('planner.goal.committed')
  const conflicts = outcomes.filter(({ outcome }) => outcome === 'conflict')
  await deps.publisher.publish(
    [...feedEvents(audit.items()), ...conflicts.map((goal) => conflictEvent(goal))].map(
      (event) => ({ stream: 'chimera:feed', payload: event, tenant: event.tenant }),
    ),
  )
  const leased = outcomes.flatMap((goal, index) => {
    const given = goals[index]
    return goal.outcome === 'inserted' && given !== undefined
      ? [
          {
            ...goal,
            agentId: given.goal.agent_id ?? DEFAULT_AGENT,
            content: given.goal,
            trust: given.trust,
            plansEnded: 0,
          },
        ]
      : []
  })
  return { outcomes, leased }
}

/** A refusal moves no row, so no audit item tells of it. */
function conflictEvent({ tenantId, id, status }: InsertedGoal): FeedEvent {
  return {
    type: 'goal.conflict',
    tenant: tenantId,
    goal_id: id,
    summary: `another goal came with the id ${id}, which is ${status}: GOAL_ID_CONFLICT`,
    data: { code: 'GOAL_ID_CONFLICT' },
    at: new Date().toISOString(),
  }
}
