import { Goal } from '@chimera/contracts/goal'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { planByRules } from '@chimera/domain/rule-planner/rule-planner'
import { type CancelledGoal, cancelGoal } from '@chimera/infra/database/goals/cancel-goal'
import { commitPlans } from '@chimera/infra/database/goals/commit-plans'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import { leaseGoals } from '@chimera/infra/database/goals/lease-goals'
import type { Sql } from '@chimera/infra/database/open-database'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type FreshDatabase, openFreshDatabase } from '../fresh-database.ts'
import { audited, readAudit } from './planner-rig.ts'

const tenantId = DEFAULT_TENANT
let database: FreshDatabase
beforeAll(async () => {
  database = await openFreshDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

test('cancel ends what has not begun and what runs', async () => {
  const goalId = await receive('noop 3')
  const tasks = await plan(goalId)
  await database.query({
    text: `UPDATE tasks SET status = 'IN_PROGRESS', phase = 'running', lease_owner = 'w',
        lease_until = now(), attempt = 1 WHERE id = $1`,
    values: [tasks[0]],
  })
  const cancelled = await cancel(goalId)
  expect(cancelled).toMatchObject({ outcome: 'cancelled', effects: [], cancelling: [] })
  expect(cancelled.tasks.toSorted()).toEqual(tasks.toSorted())
  expect(await goalOf(goalId)).toMatchObject({
    status: 'CANCELLED',
    tasks_total: 3,
    tasks_open: 0,
    tasks_failed: 3,
    finished: true,
  })
  expect(await tasksOf(goalId)).toEqual(
    Array.from({ length: 3 }, () => ({ status: 'FAILED', phase: 'cancelled', code: 'CANCELLED' })),
  )
  const audit = await readAudit(database)
  expect(audit).toContain(`goal ${goalId} ACTIVE -> CANCELLED`)
  expect(audit).toContain(`task ${tasks[0]} running -> cancelled`)
})

test('cancel of a goal that waits for its plan leaves nothing to commit', async () => {
  const goalId = await receive('noop 1')
  const [leased] = await lease(goalId)
  await cancel(goalId)
  expect(await commit(goalId, leased?.versionId ?? '')).toEqual([])
  expect(await goalOf(goalId)).toMatchObject({ status: 'CANCELLED', tasks_total: 0 })
})

test('cancel twice is harmless, and an end of another kind is not undone', async () => {
  const goalId = await receive('noop 1')
  await cancel(goalId)
  expect(await cancel(goalId)).toEqual({
    outcome: 'already',
    tasks: [],
    effects: [],
    cancelling: [],
  })
  const done = await receive('noop 1')
  await database.query({
    text: `UPDATE goals SET status = 'COMPLETED', finished_at = now() WHERE id = $1`,
    values: [done],
  })
  await expect(cancel(done)).rejects.toMatchObject({ code: 'GOAL_FINISHED' })
  await expect(cancel('nobody')).rejects.toMatchObject({ code: 'GOAL_NOT_FOUND' })
})

test('cancel leaves what was granted to the ledger', async () => {
  const goalId = await receive('publish a tweet: hi')
  const [taskId = ''] = await plan(goalId)
  await review(taskId, 'granted')
  const effectId = await effect({ goalId, taskId, state: 'GRANTED' })
  const cancelled = await cancel(goalId)
  expect(cancelled).toEqual({
    outcome: 'cancelled',
    tasks: [],
    effects: [],
    cancelling: [effectId],
  })
  expect(await goalOf(goalId)).toMatchObject({ status: 'CANCELLED', tasks_open: 1 })
  expect(await tasksOf(goalId)).toMatchObject([{ status: 'REVIEW', phase: 'granted' }])
  expect(await effectOf(effectId)).toEqual({
    state: 'GRANTED',
    cancelling: true,
    void_reason: 'cancelled',
  })
})

test.each(['UNKNOWN', 'NEEDS_HUMAN'] as const)(
  'cancel touches no effect that is %s: it may have happened',
  async (state) => {
    const goalId = await receive('publish a tweet: hi')
    const [taskId = ''] = await plan(goalId)
    await review(taskId, 'reconciling')
    const effectId = await effect({ goalId, taskId, state })
    expect(await cancel(goalId)).toMatchObject({ tasks: [], effects: [], cancelling: [] })
    expect(await effectOf(effectId)).toMatchObject({ state, cancelling: false })
    expect(await tasksOf(goalId)).toMatchObject([{ phase: 'reconciling' }])
  },
)

test.each(['PROPOSED', 'AWAITING_APPROVAL'] as const)(
  'cancel ends an effect that is %s, and its task',
  async (state) => {
    const goalId = await receive('publish a tweet: hi')
    const [taskId = ''] = await plan(goalId)
    await review(taskId, 'awaiting_approval')
    const effectId = await effect({ goalId, taskId, state })
    expect(await cancel(goalId)).toMatchObject({ tasks: [taskId], effects: [effectId] })
    expect(await effectOf(effectId)).toMatchObject({ state: 'CANCELLED', cancelling: false })
  },
)

test('cancel and plan at once end in a cancelled goal without a task that could run', async () => {
  for (let round = 0; round < 20; round += 1) {
    const goalId = await receive('noop 5')
    const [leased] = await lease(goalId)
    await Promise.all([commit(goalId, leased?.versionId ?? ''), cancel(goalId)])
    expect(await goalOf(goalId)).toMatchObject({ status: 'CANCELLED', tasks_open: 0 })
    const open = await tasksOf(goalId)
    expect(open.filter(({ phase }) => phase !== 'cancelled')).toEqual([])
  }
})

async function receive(text: string): Promise<string> {
  const id = newId()
  const goal = { tenantId, id, goal: Goal.parse({ text }), source: 'http', trust: 'owner' } as const
  await audited(database, (tx, audit) => insertGoals(tx, [goal], audit))
  return id
}

const lease = (id: string) =>
  leaseGoals(database, { keys: [{ tenantId, id }], owner: 'planner-1', leaseMs: 60_000 })

/** Plans the goal by rules; answers the ids of its tasks. */
async function plan(goalId: string): Promise<string[]> {
  const [leased] = await lease(goalId)
  const [committed] = await commit(goalId, leased?.versionId ?? '')
  if (committed === undefined || !('plan' in committed)) throw new Error('not planned')
  return committed.plan.tasks.map(({ id }) => id)
}

async function commit(goalId: string, versionId: string) {
  const [row] = await database.query<{ content: unknown }>({
    text: 'SELECT content FROM goals WHERE id = $1',
    values: [goalId],
  })
  const goal = Goal.parse(row?.content)
  const planned = planByRules({ tenant: tenantId, goalId, receivedMs: 1, goal })
  return audited(database, (tx, audit) =>
    commitPlans(tx, [{ tenantId, goalId, versionId, plan: planned }], audit),
  )
}

const cancel = (goalId: string): Promise<CancelledGoal> =>
  audited(database, (tx: Sql, audit) => cancelGoal(tx, { tenantId, goalId }, audit))

async function review(taskId: string, phase: string): Promise<void> {
  await database.query({
    text: "UPDATE tasks SET status = 'REVIEW', phase = $2, attempt = 1 WHERE id = $1",
    values: [taskId, phase],
  })
}

async function effect(of: { goalId: string; taskId: string; state: string }): Promise<string> {
  const id = newId()
  const isGranted = !['PROPOSED', 'AWAITING_APPROVAL'].includes(of.state)
  await database.query({
    text: `INSERT INTO effects (id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key,
        version_id, state, tool, account, mode, args, args_hash, provenance, grant_id, audit_id)
      VALUES ($1, $2, $3, $4, 1, 'publish', 1, $5, new_version(), $6, 'post_tweet', 'x:default',
        'paper', '{}', 'h', '{}', $7, $8)`,
    values: [id, tenantId, of.goalId, of.taskId, id, of.state, isGranted ? newId() : null, newId()],
  })
  return id
}

async function goalOf(id: string) {
  const [row] = await database.query({
    text: `SELECT status, tasks_total, tasks_open, tasks_failed, finished_at IS NOT NULL AS finished
      FROM goals WHERE id = $1`,
    values: [id],
  })
  return row
}

const tasksOf = (goalId: string) =>
  database.query<{ status: string; phase: string; code: string | null }>({
    text: "SELECT status, phase, failure ->> 'code' AS code FROM tasks WHERE goal_id = $1",
    values: [goalId],
  })

async function effectOf(id: string) {
  const [row] = await database.query({
    text: 'SELECT state, cancelling, void_reason FROM effects WHERE id = $1',
    values: [id],
  })
  return row
}
