import { ChimeraError } from '@chimera/contracts/errors'
import { taskStream } from '@chimera/contracts/streams'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { commitPlans, type GoalPlan } from '@chimera/infra/database/goals/commit-plans'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'
import type { Database } from '@chimera/infra/database/open-database'
import { feedEvents } from '@chimera/infra/streams/feed-events'
import type { Publication, Publisher } from '@chimera/infra/streams/publisher'
import type { Crash } from '@chimera/runtime/crash-point'
import type { Logger } from '@chimera/runtime/log'

import { planGoal } from './plan-goal.ts'

/** What planning needs; the composition root opens it. */
export type PlannerDeps = {
  readonly database: Database
  readonly publisher: Publisher
  readonly log: Logger
  readonly crash: Crash
  /** This process in leases and in the audit. */
  readonly actor: string
  readonly leaseMs: number
}

/** Rows of one transaction: 500 drills of 500 tasks each would else be one of 250,000. */
const MAX_TASKS_PER_COMMIT = 2_000

/**
 * Plans leased goals, commits the plans and publishes the tasks that are ready. Goals that moved in
 * between (cancelled, paused, planned by another) are left alone.
 */
export async function planGoals(deps: PlannerDeps, leased: readonly LeasedGoal[]): Promise<void> {
  const plans = leased.map((goal) => planGoal(goal, deps.log))
  for (const chunk of chunksOf(plans)) {
    const publications = await commit(deps, chunk)
    deps.crash('planner.plan.committed')
    await deps.publisher.publish(publications)
    deps.crash('planner.task.published')
  }
}

/** Answers what is to be published now that it is committed. */
async function commit(deps: PlannerDeps, plans: readonly GoalPlan[]): Promise<Publication[]> {
  try {
    return await commitTogether(deps, plans)
  } catch (error) {
    // What may be tried again, and what must end the process, is not for this place.
    if (error instanceof ChimeraError) throw error
    return commitApart(deps, plans, error)
  }
}

async function commitTogether(
  deps: PlannerDeps,
  plans: readonly GoalPlan[],
): Promise<Publication[]> {
  const audit = draftAudit()
  const committed = await deps.database.transaction(async (tx) => {
    const won = await commitPlans(tx, plans, audit)
    await appendAudit(tx, audit, deps.actor)
    deps.crash('planner.plan.before_commit')
    return won
  })
  const events = feedEvents(audit.items()).map((event) => ({
    stream: 'chimera:feed' as const,
    payload: event,
    tenant: event.tenant,
  }))
  return [...committed.flatMap((plan) => doorbellsOf(plan)), ...events]
}

/** The database refused a batch: each alone, and the one it refuses alone has failed. */
async function commitApart(
  deps: PlannerDeps,
  plans: readonly GoalPlan[],
  err: unknown,
): Promise<Publication[]> {
  const [first] = plans
  if (plans.length === 1 && first !== undefined) {
    if ('failure' in first) throw err
    const { tenantId, goalId, versionId } = first
    deps.log.error({ err, goal_id: goalId }, 'a plan could not be written')
    const message = 'The plan of this goal could not be written; the log of the planner says why.'
    const failure = { code: 'PLAN_INVALID', message } as const
    return commitTogether(deps, [{ tenantId, goalId, versionId, failure }])
  }
  const publications: Publication[] = []
  for (const plan of plans) publications.push(...(await commit(deps, [plan])))
  return publications
}

/** An AgentTask exactly as the contract has it, for each task that waits for no other. */
function doorbellsOf(goal: GoalPlan): Publication[] {
  if ('failure' in goal) return []
  return goal.plan.tasks
    .filter(({ dependsOn }) => dependsOn.length === 0)
    .map(({ id, type, payload, constraints }) => ({
      stream: taskStream(type),
      tenant: goal.tenantId,
      causation: goal.goalId,
      payload: {
        task_id: id,
        parent_goal_id: goal.goalId,
        type,
        payload,
        constraints,
        status: 'PENDING',
      },
    }))
}

function chunksOf(plans: readonly GoalPlan[]): GoalPlan[][] {
  const chunks: GoalPlan[][] = []
  let room = 0
  for (const plan of plans) {
    const size = 'plan' in plan ? plan.plan.tasks.length : 1
    const last = chunks.at(-1)
    if (last === undefined || size > room) {
      chunks.push([plan])
      room = MAX_TASKS_PER_COMMIT - size
    } else {
      last.push(plan)
      room -= size
    }
  }
  return chunks
}
