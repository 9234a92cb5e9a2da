import { MAX_BATCH, taskStream } from '@chimera/contracts/streams'
import { findReadyTasks } from '@chimera/infra/database/goals/find-ready-tasks'
import type { InsertedGoal } from '@chimera/infra/database/goals/insert-goals'
import {
  type GoalKey,
  leaseGoals,
  leaseOldestGoals,
  readGoalStatuses,
} from '@chimera/infra/database/goals/lease-goals'
import { loadWireTasks } from '@chimera/infra/database/judging/load-wire-tasks'
import { openTenantDatabase, tenantsIn } from '@chimera/infra/database/tenant-database'
import type { Entry } from '@chimera/infra/streams/parse-entry'
import type { Settlement, Settlements } from '@chimera/infra/streams/settlement'

import { type PlannerDeps, planGoals } from './plan-goals.ts'
import type { GoalEntry } from './read-goal-entry.ts'
import { type FullGoal, receiveGoals } from './receive-goals.ts'

type GoalEntryOf<K extends GoalEntry['kind']> = Entry<Extract<GoalEntry, { kind: K }>>

/** Doorbells that one batch rings again after a crash; the Keeper rings the rest. */
const MAX_RUNG_AGAIN = 5_000
/** 500 goals each; more would mean that planning does not move them. */
const MAX_RECOVERY_BATCHES = 1_000

/**
 * Plans what earlier lives left behind: goals of this planner's own lease, and those that nobody
 * has leased. Entries that were not acknowledged come again by themselves.
 */
export async function recoverGoals(deps: PlannerDeps): Promise<number> {
  let count = 0
  for (let batch = 0; batch < MAX_RECOVERY_BATCHES; batch += 1) {
    const { actor: owner, leaseMs } = deps
    const leased = await leaseOldestGoals(deps.database, { limit: MAX_BATCH, owner, leaseMs })
    if (leased.length === 0) break
    await planGoals(deps, leased)
    count += leased.length
  }
  return count
}

/**
 * Makes the handler of goal entries: the batch is committed, what the rules can plan by themselves
 * with its plan and the rest as RECEIVED; then that rest is planned and committed, and ready tasks
 * are published; the consumer acknowledges after that. A crash anywhere leaves an entry that comes
 * again or a row that is RECEIVED, and both are harmless to meet twice. A batch sees the rows of
 * the tenants that its entries name.
 */
export function openGoalHandler(
  given: PlannerDeps,
): (batch: readonly Entry<GoalEntry>[]) => Promise<Settlements<GoalEntry>> {
  const database = openTenantDatabase(given.database)
  const handle = handlerOf({ ...given, database })
  return (batch) => database.as(tenantsIn(batch.map(({ value }) => value)), () => handle(batch))
}

function handlerOf(
  deps: PlannerDeps,
): (batch: readonly Entry<GoalEntry>[]) => Promise<Settlements<GoalEntry>> {
  const seen = new WeakSet<Entry<GoalEntry>>()
  return async (batch) => {
    // Published or not, the last time? Whoever asks has to ring again.
    const isAgain = (entry: Entry<GoalEntry>) => entry.deliveries > 1 || seen.has(entry)
    const again = new Set(batch.filter((entry) => isAgain(entry)).map(({ value }) => keyOf(value)))
    for (const entry of batch) seen.add(entry)

    const full = batch.filter((entry): entry is GoalEntryOf<'goal'> => entry.value.kind === 'goal')
    const rings = batch.filter((entry): entry is GoalEntryOf<'ring'> => entry.value.kind === 'ring')
    const { outcomes, leased } = await receiveGoals(
      deps,
      full.map(({ value }): FullGoal => value),
    )
    const waiting = outcomes.filter((goal) => goal.outcome === 'same' && goal.status === 'RECEIVED')
    const rung = await leaseGoals(deps.database, {
      keys: [...waiting, ...rings.map(({ value }) => value)],
      owner: deps.actor,
      leaseMs: deps.leaseMs,
    })
    const toPlan = [...leased, ...rung]
    await planGoals(deps, toPlan)

    const planned = new Set(toPlan.map((goal) => keyOf(goal)))
    const owed = batch
      .map(({ value }) => value)
      .filter((goal) => again.has(keyOf(goal)) && !planned.has(keyOf(goal)))
    await ringAgain(deps, owed)
    return new Map([...conflictsOf(full, outcomes), ...(await missingOf(deps, rings, planned))])
  }
}

/** The life before this one may have ended between a plan's commit and its publication. */
async function ringAgain(deps: PlannerDeps, goals: readonly GoalKey[]): Promise<void> {
  const ids = await findReadyTasks(deps.database, { goals, limit: MAX_RUNG_AGAIN })
  const tasks = await loadWireTasks(deps.database, ids)
  await deps.publisher.publish(
    tasks.map(({ tenantId, task }) => ({
      stream: taskStream(task.type),
      payload: task,
      tenant: tenantId,
      causation: task.parent_goal_id,
    })),
  )
}

type Settled = [Entry<GoalEntry>, Settlement]

function conflictsOf(
  entries: readonly GoalEntryOf<'goal'>[],
  outcomes: readonly InsertedGoal[],
): Settled[] {
  return entries.flatMap((entry, index): Settled[] => {
    const goal = outcomes[index]
    if (goal?.outcome !== 'conflict') return []
    const reason = `A goal ${goal.id} with other content is ${goal.status}; choose another id.`
    return [[entry, { outcome: 'dead', code: 'GOAL_ID_CONFLICT', reason }]]
  })
}

/** A ring that names no row rang for nothing: nobody rings before the commit. */
async function missingOf(
  deps: PlannerDeps,
  rings: readonly GoalEntryOf<'ring'>[],
  planned: ReadonlySet<string>,
): Promise<Settled[]> {
  const unknown = rings.filter(({ value }) => !planned.has(keyOf(value)))
  const rows = await readGoalStatuses(
    deps.database,
    unknown.map(({ value }) => value),
  )
  const known = new Set(rows.map((row) => keyOf(row)))
  return unknown
    .filter(({ value }) => !known.has(keyOf(value)))
    .map((entry): Settled => {
      const { id, missing: code } = entry.value
      const reason =
        code === 'GOAL_NOT_FOUND'
          ? `There is no goal ${id} to ring for.`
          : 'Goals from the stream are switched off here; post it over HTTP or the command line.'
      return [entry, { outcome: 'dead', code, reason }]
    })
}

/** A goal id holds no space. */
const keyOf = ({ tenantId, id }: GoalKey): string => `${tenantId} ${id}`
