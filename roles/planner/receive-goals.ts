import { ChimeraError } from '@chimera/contracts/errors'
import { DEFAULT_AGENT, newId } from '@chimera/contracts/ids'
import type { FeedEvent } from '@chimera/contracts/trail/feed'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import type { GoalPlan } from '@chimera/infra/database/goals/commit-plans'
import { type InsertedGoal, insertGoals } from '@chimera/infra/database/goals/insert-goals'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'

import { planAtOnce } from './plan-at-once.ts'
import { type PlannerDeps, publicationsOf } from './plan-goals.ts'
import type { GoalEntry } from './read-goal-entry.ts'

export type FullGoal = Extract<GoalEntry, { kind: 'goal' }>

/** What became of goals from the stream, in their order, and those that are now ours to plan. */
export type Received = {
  readonly outcomes: readonly InsertedGoal[]
  readonly leased: readonly LeasedGoal[]
}

/**
 * Accepts goals: one transaction commits them, and the feed says so; from here on a goal cannot be
 * lost. What the rules can plan without asking anybody is committed with its plan, and its tasks
 * are rung for; the others are RECEIVED, already leased to this planner. Cheap on purpose.
 */
export async function receiveGoals(
  deps: PlannerDeps,
  goals: readonly FullGoal[],
): Promise<Received> {
  if (goals.length === 0) return { outcomes: [], leased: [] }
  const asked = goals.map(({ tenantId, id, goal, trust, receivedMs }): LeasedGoal => ({
    tenantId,
    id,
    versionId: newId(),
    agentId: goal.agent_id ?? DEFAULT_AGENT,
    content: goal,
    trust,
    receivedMs,
    plansEnded: 0,
  }))
  const plans = await planAtOnce(deps, asked)
  const receive = async (by: ReadonlyMap<LeasedGoal, GoalPlan>): Promise<Received> =>
    commitReceived(deps, { goals, asked, plans: by })
  try {
    return await receive(plans)
  } catch (err) {
    // What may be tried again, and what must end the process, is not for this place.
    if (err instanceof ChimeraError || plans.size === 0) throw err
    deps.log.warn({ err }, 'goals could not be written with their plans; they are accepted first')
    return receive(new Map())
  }
}

async function commitReceived(
  deps: PlannerDeps,
  of: {
    readonly goals: readonly FullGoal[]
    /** The same goals as they will be planned. */
    readonly asked: readonly LeasedGoal[]
    readonly plans: ReadonlyMap<LeasedGoal, GoalPlan>
  },
): Promise<Received> {
  const { goals, asked, plans } = of
  const { actor, leaseMs } = deps
  const audit = draftAudit()
  const planOf = (place: number): GoalPlan | undefined => {
    const goal = asked[place]
    return goal === undefined ? undefined : plans.get(goal)
  }
  const outcomes = await deps.database.transaction(async (tx) => {
    const news = goals.map((goal, place) => ({
      ...goal,
      source: 'stream' as const,
      plan: planOf(place),
    }))
    const inserted = await insertGoals(tx, news, audit, { owner: actor, leaseMs })
    await appendAudit(tx, audit, actor)
    if (plans.size > 0) deps.crash('planner.plan.before_commit')
    return inserted
  })
  deps.crash('planner.goal.committed')
  const won = outcomes.flatMap(({ outcome, versionId }, place) => {
    const goal = asked[place]
    return outcome === 'inserted' && goal !== undefined ? [{ ...goal, versionId, place }] : []
  })
  const planned = won.flatMap(({ place }) => planOf(place) ?? [])
  if (planned.length > 0) deps.crash('planner.plan.committed')
  const conflicts = outcomes
    .filter(({ outcome }) => outcome === 'conflict')
    .map((goal) => conflictEvent(goal))
    .map((event) => ({ stream: 'chimera:feed' as const, payload: event, tenant: event.tenant }))
  await deps.publisher.publish([...publicationsOf(planned, audit), ...conflicts])
  if (planned.length > 0) deps.crash('planner.task.published')
  return { outcomes, leased: won.filter(({ place }) => planOf(place) === undefined) }
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
