import { canonicalHash } from '@chimera/contracts/canonical'
import { ChimeraError, type ErrorCode } from '@chimera/contracts/errors'
import { taskStream } from '@chimera/contracts/streams'
import { decideReplan, type EndedPlan, replanFault } from '@chimera/domain/replanning/decide-replan'
import { planShape } from '@chimera/domain/replanning/plan-shape'
import { taskId } from '@chimera/domain/task-id'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import type { PlanToCommit } from '@chimera/infra/database/goals/commit-plans'
import { commitReplan, type Replan } from '@chimera/infra/database/goals/commit-replan'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'
import { type LoadedReplan, loadReplan } from '@chimera/infra/database/goals/load-replan'
import { tenantsIn } from '@chimera/infra/database/tenant-database'
import { feedEvents } from '@chimera/infra/streams/feed-events'
import type { Publication } from '@chimera/infra/streams/publisher'

import { openLeaseKeeper } from './lease-keeper.ts'
import { isForModel, planGoal, planGoalByModel } from './plan-goal.ts'
import type { PlannerDeps, ScopedDeps } from './plan-goals.ts'

/** What a planner is told of the plans that were rejected: the reasons go back with the goal. */
export type Feedback = {
  readonly plansEnded: number
  readonly slots: LoadedReplan['slots']
  readonly reasons: readonly string[]
}

export type PlannedAgain =
  | { readonly plan: PlanToCommit }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string } }

/**
 * Plans goals again whose plan was rejected, within bounds: a goal that goes round in a circle
 * fails, one whose effects may have happened waits for a person, and any other stays ACTIVE with
 * further tasks on the slots that it had.
 */
export async function replanGoals(deps: ScopedDeps, leased: readonly LeasedGoal[]): Promise<void> {
  if (leased.length === 0) return
  await using keeper = openLeaseKeeper(deps, leased)
  for (const goal of leased) {
    const publications = await deps.database.as(tenantsIn([goal]), async () =>
      commit(deps, await replanGoal(deps, goal)),
    )
    keeper.done(goal)
    deps.crash('planner.plan.committed')
    await deps.publisher.publish(publications)
  }
}

/** Answers what is to be published now that it is committed; nothing when the goal had moved. */
async function commit(deps: PlannerDeps, replan: Replan): Promise<Publication[]> {
  const audit = draftAudit()
  try {
    const won = await deps.database.transaction(async (tx) => {
      const moved = await commitReplan(tx, replan, audit)
      if (moved) await appendAudit(tx, audit, deps.actor)
      return moved
    })
    if (!won) return []
  } catch (err) {
    // What may be tried again, and what must end the process, is not for this place.
    if (err instanceof ChimeraError || 'failure' in replan) throw err
    deps.log.error({ err, goal_id: replan.goalId }, 'a further plan could not be written')
    const { tenantId, goalId, versionId, plansEnded } = replan
    const message = 'The further plan of this goal could not be written; the log says why.'
    return commit(deps, {
      tenantId,
      goalId,
      versionId,
      plansEnded,
      failure: { code: 'PLAN_INVALID', message },
    })
  }
  const events = feedEvents(audit.items()).map((event) => ({
    stream: 'chimera:feed' as const,
    payload: event,
    tenant: event.tenant,
  }))
  return [...doorbellsOf(replan), ...events]
}

async function replanGoal(deps: PlannerDeps, goal: LeasedGoal): Promise<Replan> {
  const { tenantId, id: goalId, versionId, plansEnded } = goal
  const key = { tenantId, goalId, versionId, plansEnded }
  const loaded = await loadReplan(deps.database, { tenantId, id: goalId, plan: plansEnded })
  const ended = endedPlan(plansEnded, loaded)
  const decision = decideReplan({
    ended,
    earlier: loaded.earlier,
    effectsHeld: loaded.effectsHeld,
    isAllowed: loaded.allowedBy !== null,
  })
  const reasons = loaded.tasks.flatMap(({ failure }) => (failure === null ? [] : failure.message))
  if (decision.outcome === 'person') {
    const unblock = `chimera goal replan ${goalId}`
    return { ...key, person: { reason: `a person to plan again: ${decision.reason}`, unblock } }
  }
  if (decision.outcome === 'stop') {
    const message = `Planning again was stopped: ${decision.reason}. ${reasons[0] ?? ''}`.trim()
    return stopped(key, 'NO_PROGRESS', message)
  }
  const feedback = { plansEnded, slots: loaded.slots, reasons }
  const planned = await (deps.planAgain ?? ((...of) => planAgain(deps, ...of)))(goal, feedback)
  if ('failure' in planned) return { ...key, failure: planned.failure }
  const fault = replanFault(planned.plan, {
    slots: loaded.slots,
    shapes: [...loaded.earlier.map(({ shape }) => shape), ended.shape],
  })
  if (fault !== undefined) {
    return stopped(key, fault.code, `${fault.message} ${reasons[0] ?? ''}`.trim())
  }
  const plan = renamed(planned.plan, { ...key, receivedMs: goal.receivedMs })
  return { ...key, plan, ended, reason: reasons[0] ?? 'the plan was rejected' }
}

/** Rules know no other plan; the bounds then end the goal. */
async function planAgain(
  { database, log, model, recollect }: PlannerDeps,
  goal: LeasedGoal,
  { reasons }: Feedback,
): Promise<PlannedAgain> {
  const byRules = planGoal(goal, log)
  if (model === undefined || !isForModel(goal, byRules)) return byRules
  return planGoalByModel({
    database,
    leased: goal,
    byRules,
    model,
    recollect,
    log,
    rejected: reasons,
  })
}

const stopped = <Key extends object>(key: Key, code: ErrorCode, message: string) => ({
  ...key,
  failure: { code, message },
})

function endedPlan(plan: number, { tasks, costUsdMicros }: LoadedReplan): EndedPlan {
  return {
    plan,
    shape: planShape(tasks),
    failures: tasks.flatMap(({ isRejected, failure, proposedArgs, payload }) =>
      isRejected && failure !== null
        ? {
            code: failure.code,
            argsHash: canonicalHash(proposedArgs.length > 0 ? proposedArgs : payload),
          }
        : [],
    ),
    tasksCompleted: tasks.filter(({ isCompleted }) => isCompleted).length,
    costUsdMicros,
  }
}

/** Tasks of a further plan are others than those before, whatever its planner called them. */
function renamed(
  plan: PlanToCommit,
  of: { tenantId: string; goalId: string; receivedMs: number; plansEnded: number },
): PlanToCommit {
  const { tenantId: tenant, goalId, receivedMs } = of
  const planner = `${plan.planner}+${of.plansEnded}`
  const names = new Map(
    plan.tasks.map(({ id }, index) => [id, taskId({ tenant, goalId, receivedMs, planner, index })]),
  )
  const nameOf = (id: string): string => names.get(id) ?? id
  const tasks = plan.tasks.map((task) => ({
    ...task,
    id: nameOf(task.id),
    dependsOn: task.dependsOn.map((id) => nameOf(id)),
  }))
  return { ...plan, tasks }
}

function doorbellsOf(replan: Replan): Publication[] {
  if (!('plan' in replan)) return []
  return replan.plan.tasks
    .filter(({ dependsOn }) => dependsOn.length === 0)
    .map(({ id, type, payload, constraints }) => ({
      stream: taskStream(type),
      tenant: replan.tenantId,
      causation: replan.goalId,
      payload: {
        task_id: id,
        parent_goal_id: replan.goalId,
        type,
        payload,
        constraints,
        status: 'PENDING' as const,
      },
    }))
}
