import { ChimeraError } from '@chimera/contracts/errors'
import { taskStream } from '@chimera/contracts/streams'
import { appendAudit, draftAudit, type AuditDraft } from '@chimera/infra/database/append-audit'
import { commitPlans, type GoalPlan } from '@chimera/infra/database/goals/commit-plans'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'
import type { Database } from '@chimera/infra/database/open-database'
import {
  openTenantDatabase,
  type TenantDatabase,
  tenantsIn,
} from '@chimera/infra/database/tenant-database'
import type { Model } from '@chimera/infra/llm/model'
import type { Recollection } from '@chimera/infra/memory/recollection'
import { feedEvents } from '@chimera/infra/streams/feed-events'
import type { Publication, Publisher } from '@chimera/infra/streams/publisher'
import type { Crash } from '@chimera/runtime/crash-point'
import type { Logger } from '@chimera/runtime/log'

import { openLeaseKeeper } from './lease-keeper.ts'
import { isForModel, planGoal, planGoalByModel } from './plan-goal.ts'
import { pressureOn } from './pressure-on.ts'
import { putOffLow } from './put-off.ts'
import { goalKey, type TaskQueue } from './queue-tasks.ts'
import { refuseTopics } from './refuse-topics.ts'
import { type Feedback, type PlannedAgain, replanGoals } from './replan-goals.ts'

/** What planning needs; the composition root opens it. */
export type PlannerDeps = {
  readonly database: Database
  readonly publisher: Publisher
  readonly log: Logger
  readonly crash: Crash
  /** This process in leases and in the audit. */
  readonly actor: string
  readonly leaseMs: number
  /** Which tasks wait for their turn; without it all that are ready are rung for. */
  readonly tasks?: TaskQueue | undefined
  /** Asked about what the rules do not understand; without it they have the only word. */
  readonly model?: Model | undefined
  /** What agents remember; without it, nothing. */
  readonly recollect?: Recollection
  /** Another way to plan what was rejected. */
  readonly planAgain?: (goal: LeasedGoal, feedback: Feedback) => Promise<PlannedAgain>
}

/** Rows of one transaction: 500 drills of 500 tasks each would else be one of 250,000. */
export const MAX_TASKS_PER_COMMIT = 2_000

/**
 * Plans leased goals, commits the plans and publishes the tasks that are ready. Goals that moved in
 * between (cancelled, paused, planned by another) are left alone. Planning sees the rows of their
 * tenants, and what is asked for one goal alone those of its own.
 */
export async function planGoals(given: PlannerDeps, leased: readonly LeasedGoal[]): Promise<void> {
  const database = openTenantDatabase(given.database)
  await database.as(tenantsIn(leased), () => planAll({ ...given, database }, leased))
}

/** What planning needs once it is known whose goals they are. */
export type ScopedDeps = PlannerDeps & { readonly database: TenantDatabase }

async function planAll(deps: ScopedDeps, leased: readonly LeasedGoal[]): Promise<void> {
  const { model } = deps
  const [first, again] = [leased.filter(isFirst), leased.filter((goal) => !isFirst(goal))]
  const refused = await refuseTopics(deps, first)
  const plans = first.map((goal) => ({
    leased: goal,
    byRules: refused.get(goal) ?? planGoal(goal, deps.log),
  }))
  const forModel = ({ leased: goal, byRules }: RulePlan): boolean =>
    model !== undefined && isForModel(goal, byRules)
  // Who needs no model does not wait for one.
  const ready = plans.filter((plan) => !forModel(plan)).map(({ byRules }) => byRules)
  const timed = await putOffLow(deps.database, first, ready)
  const goals = new Map(first.map((goal) => [goalKey({ ...goal, goalId: goal.id }), goal]))
  for (const chunk of chunksOf(timed)) await commitAndPublish(deps, chunk, goals)
  if (model !== undefined) await planByModel(deps, model, plans.filter(forModel))
  await replanGoals(deps, again)
}

const isFirst = ({ plansEnded }: LeasedGoal): boolean => plansEnded === 0

type RulePlan = { readonly leased: LeasedGoal; readonly byRules: GoalPlan }

/** Questions to the model that are open at once; a local one answers one after the other anyway. */
const MAX_ASKED = 8

/** Asks for some plans at a time and commits each when it is there; their leases are renewed. */
async function planByModel(
  deps: ScopedDeps,
  model: Model,
  plans: readonly RulePlan[],
): Promise<void> {
  if (plans.length === 0) return
  await using keeper = openLeaseKeeper(
    deps,
    plans.map(({ leased }) => leased),
  )
  const waiting = [...plans]
  const hand = async (): Promise<void> => {
    for (let plan = waiting.shift(); plan !== undefined; plan = waiting.shift()) {
      const { leased: goal, byRules } = plan
      await deps.database.as(tenantsIn([goal]), async () => {
        const pressed = await pressureOn(deps.database, goal)
        const made = await planGoalByModel({ ...deps, leased: goal, byRules, model, pressed })
        const goals = new Map([[goalKey({ ...goal, goalId: goal.id }), goal]])
        await commitAndPublish(deps, await putOffLow(deps.database, [goal], [made]), goals)
      })
      keeper.done(goal)
    }
  }
  const hands = Array.from({ length: Math.min(MAX_ASKED, plans.length) }, hand)
  // All of them have to be done before the leases are let go, whatever becomes of one.
  const broken = (await Promise.allSettled(hands)).find(({ status }) => status === 'rejected')
  if (broken?.status === 'rejected') throw broken.reason
}

async function commitAndPublish(
  deps: PlannerDeps,
  plans: readonly GoalPlan[],
  goals: ReadonlyMap<string, LeasedGoal>,
): Promise<void> {
  const queued = (await deps.tasks?.queue(deps.database, goals, plans)) ?? plans
  const publications = await commit(deps, queued)
  deps.crash('planner.plan.committed')
  await deps.publisher.publish(publications)
  deps.crash('planner.task.published')
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
  return publicationsOf(committed, audit)
}

/** The doorbells of committed plans, and what the feed says of their transaction. */
export function publicationsOf(plans: readonly GoalPlan[], audit: AuditDraft): Publication[] {
  const events = feedEvents(audit.items()).map((event) => ({
    stream: 'chimera:feed' as const,
    payload: event,
    tenant: event.tenant,
  }))
  return [...plans.flatMap((plan) => doorbellsOf(plan)), ...events]
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
  // The Keeper rings what was put off when its time has come.
  if ('failure' in goal || goal.putOff !== undefined) return []
  const { plan, turns } = goal
  return plan.tasks
    .filter(({ dependsOn }) => dependsOn.length === 0)
    .filter(({ id }) => turns?.waiting.has(id) !== true || turns.bell === id)
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
