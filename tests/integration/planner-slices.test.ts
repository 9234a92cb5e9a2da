import { Goal } from '@chimera/contracts/goal'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { planByRules } from '@chimera/domain/rule-planner/rule-planner'
import { commitPlans, type GoalPlan } from '@chimera/infra/database/goals/commit-plans'
import { findReadyTasks } from '@chimera/infra/database/goals/find-ready-tasks'
import {
  type InsertedGoal,
  insertGoals,
  type NewGoal,
} from '@chimera/infra/database/goals/insert-goals'
import { leaseGoals, leaseOldestGoals } from '@chimera/infra/database/goals/lease-goals'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { type FreshDatabase, openFreshDatabase } from '../fresh-database.ts'
import { audited, readAudit } from './planner-rig.ts'

const tenantId = DEFAULT_TENANT
let database: FreshDatabase
beforeAll(async () => {
  database = await openFreshDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())
beforeEach(async () => {
  await database.query({ text: 'TRUNCATE goals, task_payloads CASCADE' })
})

describe('insert-goals', () => {
  test('tells new, same and conflict apart, in the order given', async () => {
    await insert([['g-1', 'noop 1']])
    const outcomes = await insert([
      ['g-2', 'noop 1'],
      ['g-1', 'noop 1'],
      ['g-2', 'noop 1'],
      ['g-2', 'noop 2'],
      ['g-1', 'noop 2'],
    ])
    expect(outcomes.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([
      'g-2 inserted',
      'g-1 same',
      'g-2 same',
      'g-2 conflict',
      'g-1 conflict',
    ])
    expect(new Set(outcomes.map(({ versionId }) => versionId)).size).toBe(2)
    expect(await readAudit(database)).toContain('goal g-1  -> RECEIVED')
  })

  test('by many at once, in any order, inserts each once and never deadlocks', async () => {
    const goals = Array.from({ length: 50 }, (_, n): [string, string] => [`g-${n}`, 'noop 1'])
    const racers = await Promise.all([
      insert(goals),
      insert(goals.toReversed()),
      insert(goals),
      insert(goals.toReversed()),
    ])
    const outcomes = racers.flat().map(({ outcome }) => outcome)
    expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(50)
    expect(outcomes.filter((outcome) => outcome === 'same')).toHaveLength(150)
  })

  test('with their plans writes what receiving and planning write, in one version', async () => {
    await insert([['g-1', 'noop 3']])
    const [leased] = await lease('planner-1', 60_000)
    await commit([planOf(leased)])
    const before = await readAudit(database)
    const news = [
      withPlan('g-2', 'noop 3'),
      withPlan('g-2', 'noop 3'),
      withPlan('g-1', 'noop 4'),
      withPlan('g-1', 'noop 3'),
    ]
    const outcomes = await audited(database, (tx, audit) => insertGoals(tx, news, audit))
    expect(outcomes.map(({ outcome, status }) => `${outcome} ${status}`)).toEqual([
      'inserted ACTIVE',
      'same ACTIVE',
      'conflict ACTIVE',
      'same ACTIVE',
    ])
    const [one, two] = [await statusOf('g-1'), await statusOf('g-2')]
    const own = new Set([
      'id',
      'version_id',
      'audit_id',
      'received_at',
      'planned_at',
      'plan_hash',
      'source',
    ])
    const shared = (row: object | undefined) =>
      Object.entries(row ?? {}).filter(([column]) => !own.has(column))
    expect(shared(two)).toEqual(shared(one))
    expect(two?.['planned_at']).toEqual(two?.['received_at'])
    const tasks = await database.query({
      text: 'SELECT goal_id, count(*)::int AS n FROM tasks GROUP BY goal_id ORDER BY goal_id',
    })
    expect(tasks).toEqual(['g-1', 'g-2'].map((id) => ({ goal_id: id, n: 3 })))
    const noted = (await readAudit(database)).slice(before.length)
    expect(noted.filter((line) => line.startsWith('goal'))).toEqual([
      'goal g-2  -> RECEIVED',
      'goal g-2 RECEIVED -> PLANNED',
      'goal g-2 PLANNED -> ACTIVE',
    ])
  })

  test("does not let a stranger's goal stand for the owner's", async () => {
    await insert([['g-1', 'noop 1']], { trust: 'untrusted' })
    const [owner] = await insert([['g-1', 'noop 1']])
    expect(owner?.outcome).toBe('conflict')
    await insert([['g-2', 'noop 1']])
    const [stranger] = await insert([['g-2', 'noop 1']], { trust: 'untrusted' })
    expect(stranger?.outcome).toBe('same')
  })
})

describe('lease-goals', () => {
  test('gives a goal to one planner until its lease is over', async () => {
    await insert([['g-1', 'noop 1']])
    expect(await lease('planner-1', 60_000)).toHaveLength(1)
    expect(await lease('planner-2', 60_000)).toEqual([])
    expect(await lease('planner-1', 1)).toHaveLength(1)
    await expect.poll(() => lease('planner-2', 60_000)).toHaveLength(1)
  })

  test('makes the version of an earlier lease worthless', async () => {
    await insert([['g-1', 'noop 1']])
    const [first] = await lease('planner-1', 1)
    await expect.poll(() => lease('planner-2', 60_000)).toHaveLength(1)
    expect(await commit([planOf(first)])).toEqual([])
    expect(await statusOf('g-1')).toMatchObject({ status: 'RECEIVED', lease_owner: 'planner-2' })
  })

  test('never gives one goal to two who ask at once', async () => {
    await insert(Array.from({ length: 60 }, (_, n): [string, string] => [`g-${n}`, 'noop 1']))
    const ask = (owner: string) => leaseOldestGoals(database, { limit: 20, owner, leaseMs: 60_000 })
    const shares = await Promise.all([ask('a'), ask('b'), ask('c'), ask('d')])
    const ids = shares.flat().map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('leaves planned goals alone', async () => {
    await insert([['g-1', 'noop 1']])
    const [goal] = await lease('planner-1', 60_000)
    await commit([planOf(goal)])
    expect(await lease('planner-1', 60_000)).toEqual([])
    expect(await leaseOldestGoals(database, { limit: 5, owner: 'a', leaseMs: 1 })).toEqual([])
  })
})

describe('commit-plans', () => {
  test('writes tasks with their dependencies; a child is blocked', async () => {
    await insert([['g-1', 'noop 1']])
    const [goal] = await lease('planner-1', 60_000)
    const [parent, child] = [newId(), newId()]
    const task = { type: 'RESEARCH', kind: 'noop', constraints: {} } as const
    const plan = {
      planner: 'test@1',
      hash: 'h',
      slots: [{ slot: 'publish', tool: 'post_tweet', limit: 1 }],
      tasks: [
        { ...task, id: parent, payload: { kind: 'noop', index: 0 }, dependsOn: [] },
        { ...task, id: child, payload: { kind: 'noop', index: 1 }, dependsOn: [parent] },
      ],
    }
    const committed = await commit([{ ...keyOf(goal), plan }])
    expect(committed).toHaveLength(1)
    const rows = await database.query({
      text: `SELECT t.id, t.phase, t.parents_open, t.ready_at IS NOT NULL AS ready,
          t.waiting_on ->> 'reason' AS waits, d.parent_id
        FROM tasks t LEFT JOIN task_dependencies d ON d.child_id = t.id
        WHERE goal_id = 'g-1' ORDER BY parents_open`,
    })
    expect(rows).toEqual([
      { id: parent, phase: 'ready', parents_open: 0, ready: true, waits: null, parent_id: null },
      {
        id: child,
        phase: 'blocked',
        parents_open: 1,
        ready: false,
        waits: 'parent tasks',
        parent_id: parent,
      },
    ])
    expect(await statusOf('g-1')).toMatchObject({
      status: 'ACTIVE',
      tasks_total: 2,
      plan_hash: 'h',
    })
    const goals = [{ tenantId, id: 'g-1' }]
    expect(await findReadyTasks(database, { goals, limit: 10 })).toEqual([parent])
  })

  test('fails a goal with its reason, beside others that are planned', async () => {
    await insert([
      ['g-1', 'noop 2'],
      ['g-2', 'noop 3'],
    ])
    const leased = await lease('planner-1', 60_000)
    const failure = { code: 'GOAL_NOT_UNDERSTOOD', message: 'x'.repeat(5_000) } as const
    const plans = leased.map((goal) =>
      goal.id === 'g-1' ? { ...keyOf(goal), failure } : planOf(goal),
    )
    expect(await commit(plans)).toHaveLength(2)
    expect(await statusOf('g-1')).toMatchObject({
      status: 'FAILED',
      failure: { code: 'GOAL_NOT_UNDERSTOOD', message: 'x'.repeat(2_000) },
      tasks_total: 0,
      lease_owner: null,
    })
    expect(await statusOf('g-2')).toMatchObject({ status: 'ACTIVE', tasks_open: 3 })
  })

  test('writes nothing of a plan whose goal moved in between', async () => {
    await insert([
      ['g-1', 'noop 1'],
      ['g-2', 'noop 1'],
    ])
    const leased = await lease('planner-1', 60_000)
    await database.query({ text: "UPDATE goals SET version_id = new_version() WHERE id = 'g-1'" })
    const before = await readAudit(database)
    const committed = await commit(leased.map((goal) => planOf(goal)))
    expect(committed.map(({ goalId }) => goalId)).toEqual(['g-2'])
    const rows = await database.query({ text: 'SELECT goal_id FROM tasks' })
    expect(rows).toEqual([{ goal_id: 'g-2' }])
    const noted = (await readAudit(database)).slice(before.length)
    expect(noted.filter((line) => line.startsWith('goal'))).toEqual([
      'goal g-2 RECEIVED -> PLANNED',
      'goal g-2 PLANNED -> ACTIVE',
    ])
  })
})

type Leased = Awaited<ReturnType<typeof lease>>[number]

function insert(
  goals: readonly [id: string, text: string][],
  { trust = 'owner' }: { trust?: 'owner' | 'untrusted' } = {},
): Promise<InsertedGoal[]> {
  const rows = goals.map(([id, text]) => {
    return { tenantId, id, goal: Goal.parse({ text }), source: 'http', trust } as const
  })
  return audited(database, (tx, audit) => insertGoals(tx, rows, audit))
}

async function lease(owner: string, leaseMs: number) {
  const rows = await database.query<{ id: string }>({ text: 'SELECT id FROM goals ORDER BY id' })
  const keys = rows.map(({ id }) => ({ tenantId, id }))
  return leaseGoals(database, { keys, owner, leaseMs })
}

function keyOf(goal: Leased | undefined) {
  if (goal === undefined) throw new Error('Nothing was leased.')
  return { tenantId: goal.tenantId, goalId: goal.id, versionId: goal.versionId }
}

function planOf(leased: Leased | undefined): GoalPlan {
  const key = keyOf(leased)
  const goal = Goal.parse(leased?.content)
  return {
    ...key,
    plan: planByRules({ tenant: tenantId, goalId: key.goalId, receivedMs: 1, goal }),
  }
}

/** A goal that is planned before it is accepted. */
function withPlan(id: string, text: string): NewGoal {
  const goal = Goal.parse({ text })
  const key = { tenantId, goalId: id, versionId: newId() }
  const plan = { ...key, plan: planByRules({ tenant: tenantId, goalId: id, receivedMs: 1, goal }) }
  return { tenantId, id, goal, source: 'stream', trust: 'owner', plan }
}

const commit = (plans: readonly GoalPlan[]) =>
  audited(database, (tx, audit) => commitPlans(tx, plans, audit))

async function statusOf(id: string) {
  const [row] = await database.query({ text: 'SELECT * FROM goals WHERE id = $1', values: [id] })
  return row
}
