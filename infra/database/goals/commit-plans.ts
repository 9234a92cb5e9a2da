import type { ErrorCode } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'

import type { AuditDraft } from '../append-audit.ts'
import { inState } from '../in-state.ts'
import { type Sql, write } from '../open-database.ts'
import { insertDependencies, insertTasks, type PutOff, type TaskOfPlan } from './insert-tasks.ts'

/** A frozen plan; the shape of `domain/plan` Plan. */
export type PlanToCommit = {
  readonly planner: string
  readonly tasks: readonly TaskOfPlan[]
  readonly slots: readonly {
    readonly slot: string
    readonly tool: string
    readonly limit: number
  }[]
  readonly hash: string
}

/** What came of planning one goal, and the version that the goal was leased with. */
export type GoalPlan = {
  readonly tenantId: string
  readonly goalId: string
  readonly versionId: string
} & (
  | {
      readonly plan: PlanToCommit
      /** Its tasks wait for the next UTC day, or for a higher cap of this counter. */
      readonly putOff?: PutOff
      /** Those of its tasks that wait for their turn. */
      readonly turns?: Turns
    }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string } }
)

/** Which ready tasks of a plan nobody is rung for, but for the one that tells of the others. */
export type Turns = {
  readonly agentId: string
  readonly headStartMs: number
  readonly waiting: ReadonlySet<string>
  readonly bell: string | undefined
}

type Success = Extract<GoalPlan, { plan: PlanToCommit }>

/** Longer messages are for logs. */
const MAX_MESSAGE = 2_000

/**
 * Commits the plans of many goals within the caller's transaction; the caller appends the audit. A
 * goal with a plan goes RECEIVED -> PLANNED -> ACTIVE in one row version (both are in the audit),
 * with its tasks, payloads, dependencies and slots; one without ends FAILED. Conditional on each
 * goal's version: who was cancelled, paused or planned by another in between is not in the answer,
 * and nothing of its plan is written.
 */
export async function commitPlans(
  tx: Sql,
  plans: readonly GoalPlan[],
  audit: AuditDraft,
): Promise<GoalPlan[]> {
  if (plans.length === 0) return []
  const won = await moveGoals(tx, plans, audit)
  const winners = plans.filter((plan) => won.has(keyOf(plan)))
  await writePlans(tx, winners, audit)
  return winners
}

/** Writes what plans consist of, for goals whose rows say already that they have them. */
export async function writePlans(
  tx: Sql,
  plans: readonly GoalPlan[],
  audit: AuditDraft,
): Promise<void> {
  const planned = plans.filter((plan): plan is Success => 'plan' in plan)
  const tasks = planned.flatMap(({ tenantId, goalId, plan: { tasks: all }, putOff, turns }) =>
    all.map((task) => {
      const turn = turns?.waiting.has(task.id) === true ? turns : undefined
      return { ...task, tenantId, goalId, plan: 1, putOff, turn }
    }),
  )
  await insertTasks(tx, tasks, audit)
  await insertDependencies(tx, tasks)
  await insertSlots(tx, planned)
  for (const plan of plans) noteMoves(plan, audit)
}

const keyOf = (goal: { tenantId: string; goalId: string }): string =>
  `${goal.tenantId} ${goal.goalId}`

async function moveGoals(
  tx: Sql,
  plans: readonly GoalPlan[],
  audit: AuditDraft,
): Promise<Set<string>> {
  const sorted = plans.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const columns = sorted.map((goal) => planColumns(goal))
  const rows = await tx.query<{ tenant_id: string; id: string }>({
    name: 'commit-plans',
    text: `UPDATE goals g SET version_id = u.fresh, plan_hash = u.plan_hash, planner = u.planner,
        failure = u.failure,
        status = CASE WHEN u.failure IS NULL THEN 'ACTIVE' ELSE 'FAILED' END,
        planned_at = CASE WHEN u.failure IS NULL THEN now() END,
        finished_at = CASE WHEN u.failure IS NOT NULL THEN now() END,
        tasks_total = u.tasks, tasks_open = u.tasks, waiting_on = NULL,
        lease_owner = NULL, lease_until = NULL, audit_id = u.audit_id
      FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::jsonb[],
        $7::int[], $8::uuid[], $9::text[])
        AS u(tenant_id, id, version_id, fresh, plan_hash, failure, tasks, audit_id, planner)
      WHERE g.tenant_id = u.tenant_id AND g.id = u.id AND g.version_id = u.version_id
        AND ${inState('g.status', 'RECEIVED')}
      RETURNING g.tenant_id, g.id`,
    values: [
      sorted.map(({ tenantId }) => tenantId),
      sorted.map(({ goalId }) => goalId),
      sorted.map(({ versionId }) => versionId),
      sorted.map(() => newId()),
      columns.map(({ planHash }) => planHash),
      columns.map(({ failure }) => failure),
      columns.map(({ tasks }) => tasks),
      sorted.map(({ tenantId }) => audit.idFor(tenantId)),
      columns.map(({ planner }) => planner),
    ],
  })
  return new Set(rows.map((row) => keyOf({ tenantId: row.tenant_id, goalId: row.id })))
}

/** What the row of a goal says of its plan, or of why it has none. */
export function planColumns(goal: GoalPlan | undefined) {
  const nothing = { planHash: null, planner: null, failure: null, tasks: 0 }
  if (goal === undefined) return nothing
  if ('failure' in goal) return { ...nothing, failure: failureJson(goal.failure) }
  const { hash: planHash, planner, tasks } = goal.plan
  return { planHash, planner, failure: null, tasks: tasks.length }
}

function failureJson({ code, message }: { code: ErrorCode; message: string }): string {
  return JSON.stringify({ code, message: message.slice(0, MAX_MESSAGE).toWellFormed() })
}

async function insertSlots(tx: Sql, plans: readonly Success[]): Promise<void> {
  const slots = plans.flatMap(({ tenantId, goalId, plan }) =>
    plan.slots.map((slot) => ({ ...slot, tenantId, goalId })),
  )
  if (slots.length === 0) return
  await write(tx, {
    name: 'insert-slots',
    text: `INSERT INTO slots (tenant_id, goal_id, slot, tool, max_effects)
      SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[])`,
    values: [
      slots.map(({ tenantId }) => tenantId),
      slots.map(({ goalId }) => goalId),
      slots.map(({ slot }) => slot),
      slots.map(({ tool }) => tool),
      slots.map(({ limit }) => limit),
    ],
  })
}

/** The plan's hash stands for its tasks: their payloads are rows that nothing can change. */
function noteMoves(goal: GoalPlan, audit: AuditDraft): void {
  const { tenantId, goalId: id } = goal
  if ('failure' in goal) {
    const note = goal.failure.code
    audit.add(tenantId, { subject: 'goal', id, from: 'RECEIVED', to: 'FAILED', note })
    return
  }
  const { hash: output, planner, tasks } = goal.plan
  const planned = { subject: 'goal', id, from: 'RECEIVED', to: 'PLANNED' } as const
  audit.add(tenantId, { ...planned, output, note: `by ${planner}` })
  audit.add(tenantId, { subject: 'goal', id, from: 'PLANNED', to: 'ACTIVE' })
  for (const task of tasks) {
    const to = task.dependsOn.length === 0 ? 'ready' : 'blocked'
    audit.add(tenantId, { subject: 'task', id: task.id, from: null, to }, id)
  }
}
