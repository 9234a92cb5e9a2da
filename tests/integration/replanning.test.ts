/** Goals whose plan was rejected: planned again with reasons, within bounds, on the old slots. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { freezePlan, type Plan } from '@chimera/domain/plan'
import { MAX_REPLANS } from '@chimera/domain/replanning/decide-replan'
import { taskId } from '@chimera/domain/task-id'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { allowReplan } from '@chimera/infra/database/goals/commit-replan'
import { leaseGoals } from '@chimera/infra/database/goals/lease-goals'
import type { Database } from '@chimera/infra/database/open-database'
import { handleRings } from '@chimera/judge/handle-rings'
import { type PlannerDeps, planGoals } from '@chimera/planner/plan-goals'
import { describe, expect, it } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import { effectsOf, plannedGoal, receiptFor, tweetEffect, judgeOfFile } from './judge-rig.ts'

const rig = judgeOfFile()

type Again = NonNullable<PlannerDeps['planAgain']>

const planner = (planAgain?: Again, over: Partial<PlannerDeps> = {}): PlannerDeps => ({
  database: rig.database,
  publisher: rig.deps.publisher,
  log: rig.deps.log,
  crash: rig.deps.crash,
  actor: 'planner-1',
  leaseMs: 60_000,
  ...(planAgain === undefined ? {} : { planAgain }),
  ...over,
})

/** A plan of one task that tweets the goal's words, by these instructions. */
function planOf(goalId: string, text: string, slot = 'publish'): Plan {
  const id = taskId({
    tenant: DEFAULT_TENANT,
    goalId,
    receivedMs: 1,
    planner: 'model@1',
    index: 0,
  })
  return freezePlan({
    planner: 'model@1',
    tasks: [{ id, payload: { kind: 'generic', text }, constraints: {}, dependsOn: [] }],
    slots: [{ slot, tool: 'post_tweet', limit: 1 }],
    maxCostUsd: 1,
  })
}

/** A goal that a model planned, with one task that was rejected for good. */
async function rejectedGoal(id = `g-${newId()}`): Promise<string> {
  const [task = ''] = await plannedGoal(rig.database, {
    id,
    slots: ['publish'],
    tasks: [{ confidence: 0.1 }],
  })
  await rig.database.query({
    text: `UPDATE goals SET planner = 'model@1' WHERE id = $1`,
    values: [id],
  })
  await reject(task)
  return id
}

/** The last attempt that the task had, and the Judge's word on it. */
async function reject(task: string): Promise<void> {
  await rig.database.query({
    text: 'UPDATE tasks SET rejections = 2 WHERE id = $1',
    values: [task],
  })
  await handleRings(rig.deps, [{ look_at: 'task', id: task }])
}

async function goalOf(id: string): Promise<Record<string, unknown>> {
  const [row] = await rig.database.query({
    text: `SELECT status, plan, failure ->> 'code' AS code, failure ->> 'message' AS message,
        waiting_on ->> 'unblock' AS unblock, tasks_open, tasks_failed, tasks_total,
        replan_at IS NOT NULL AS wants_plan FROM goals WHERE id = $1`,
    values: [id],
  })
  return row ?? {}
}

async function plan(deps: PlannerDeps, id: string): Promise<void> {
  const leased = await leaseGoals(deps.database, {
    keys: [{ tenantId: DEFAULT_TENANT, id }],
    owner: deps.actor,
    leaseMs: deps.leaseMs,
  })
  await planGoals(deps, leased)
}

/** The ready tasks of the goal come back with a result that the Judge rejects. */
async function failTasks(id: string): Promise<void> {
  const tasks = await rig.database.query<{ id: string }>({
    text: `UPDATE tasks SET status = 'REVIEW', phase = 'judging', attempt = 1, result_at = now(),
        version_id = gen_random_uuid() WHERE goal_id = $1 AND phase = 'ready' RETURNING id`,
    values: [id],
  })
  const result = { confidence: 0.1, artifacts: [], evidence: [], proposed_effects: [] }
  for (const task of tasks) {
    await rig.database.query({
      text: `INSERT INTO task_results (task_id, attempt, worker, outcome) VALUES ($1, 1, 'w', $2)`,
      values: [task.id, JSON.stringify({ outcome: 'result', result })],
    })
    await reject(task.id)
  }
}

describe('a goal whose task was rejected for good', () => {
  it('stays ACTIVE, rings its Planner and gets further tasks on its slots', async () => {
    rig.published.length = 0
    const id = await rejectedGoal()
    expect(await goalOf(id)).toMatchObject({ status: 'ACTIVE', tasks_open: 0, wants_plan: true })
    const rings = rig.published.filter(({ stream }) => stream === 'chimera:goals')
    expect(rings.map(({ payload }) => payload)).toEqual([{ id, ring: true }])
    let told: readonly string[] = []
    const again: Again = (_, { reasons }) => {
      told = reasons
      return Promise.resolve({ plan: planOf(id, 'say it otherwise') })
    }
    await plan(planner(again), id)
    expect(told.join()).toMatch(/Rejected 3 times/)
    expect(await goalOf(id)).toMatchObject({
      status: 'ACTIVE',
      plan: 2,
      tasks_open: 1,
      tasks_failed: 0,
      tasks_total: 2,
      wants_plan: false,
    })
    const tasks = await rig.database.query({
      text: 'SELECT plan, phase FROM tasks WHERE goal_id = $1 ORDER BY plan',
      values: [id],
    })
    expect(tasks).toEqual([
      { plan: 1, phase: 'rejected' },
      { plan: 2, phase: 'ready' },
    ])
    const slots = await rig.database.query({
      text: 'SELECT slot FROM slots WHERE goal_id = $1',
      values: [id],
    })
    expect(slots).toEqual([{ slot: 'publish' }])
  })

  it('fails at once when rules planned it: they would say the same again', async () => {
    const id = `g-${newId()}`
    const [task = ''] = await plannedGoal(rig.database, { id, tasks: [{ confidence: 0.1 }] })
    await rig.database.query({
      text: `UPDATE goals SET planner = 'rules@1' WHERE id = $1`,
      values: [id],
    })
    await reject(task)
    expect(await goalOf(id)).toMatchObject({ status: 'FAILED', code: 'ATTEMPTS_EXHAUSTED' })
  })

  it('fails when the further plan would add a slot', async () => {
    const id = await rejectedGoal()
    const again: Again = () => Promise.resolve({ plan: planOf(id, 'more', 'publish:2') })
    await plan(planner(again), id)
    expect(await goalOf(id)).toMatchObject({ status: 'FAILED', code: 'PLAN_INVALID' })
  })

  it('is left alone when it was cancelled while another plan was made', async () => {
    const id = await rejectedGoal()
    const again: Again = async () => {
      await rig.database.query({
        text: `UPDATE goals SET status = 'CANCELLED', finished_at = now(),
          version_id = gen_random_uuid() WHERE id = $1`,
        values: [id],
      })
      return { plan: planOf(id, 'too late') }
    }
    await plan(planner(again), id)
    expect(await goalOf(id)).toMatchObject({ status: 'CANCELLED', tasks_total: 1 })
  })

  it('waits for a person once an effect of it has happened', async () => {
    const id = `g-${newId()}`
    const [tweet = '', other = ''] = await plannedGoal(rig.database, {
      id,
      slots: ['publish'],
      tasks: [{ effects: [tweetEffect()] }, { confidence: 0.1 }],
    })
    await rig.database.query({
      text: `UPDATE goals SET planner = 'model@1' WHERE id = $1`,
      values: [id],
    })
    await handleRings(rig.deps, [{ look_at: 'task', id: tweet }])
    const [effect] = await effectsOf(rig.database, id)
    if (effect === undefined) throw new Error('nothing was granted')
    const receipt = await rig.carry(await rig.sign(receiptFor(effect)))
    await handleRings(rig.deps, [{ look_at: 'receipt', id: receipt }])
    await reject(other)
    const again: Again = () => Promise.resolve({ plan: planOf(id, 'the rest') })
    await plan(planner(again), id)
    expect(await goalOf(id)).toMatchObject({
      status: 'ACTIVE',
      plan: 1,
      unblock: `chimera goal replan ${id}`,
    })
    const audit = draftAudit()
    await rig.database.transaction(async (tx) => {
      const of = { tenantId: DEFAULT_TENANT, goalId: id, actor: 'test' }
      expect(await allowReplan(tx, of, audit)).toBe(true)
      await appendAudit(tx, audit, 'test')
    })
    await plan(planner(again), id)
    expect(await goalOf(id)).toMatchObject({ status: 'ACTIVE', plan: 2, unblock: null })
  })
})

const MOST_ROUNDS = 8

/** Plans and fails by turns until the goal has ended; answers how many more plans were tried. */
async function goRound(again: (id: string, turn: number) => Plan, bare: boolean): Promise<number> {
  const id = await rejectedGoal()
  let turn = 0
  const planAgain: Again = () => Promise.resolve({ plan: again(id, (turn += 1)) })
  const deps = planner(planAgain, bare ? { database: forgetful } : {})
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    await plan(deps, id)
    await failTasks(id)
    if ((await goalOf(id))['status'] === 'FAILED') break
  }
  return Number((await goalOf(id))['tasks_total']) - 1
}

async function expectBounded(bare = false): Promise<void> {
  const tried = {
    others: await goRound((id, turn) => planOf(id, `try number ${turn}`), bare),
    same: await goRound((id) => planOf(id, 'the same'), bare),
    byTurns: await goRound((id, turn) => planOf(id, turn % 2 === 0 ? 'even' : 'odd'), bare),
  }
  expect(tried).toEqual({ others: MAX_REPLANS, same: 1, byTurns: 2 })
}

/** A record that forgets which plans there were. */
const forgetful: Database = {
  get kysely() {
    return rig.database.kysely
  },
  [Symbol.asyncDispose]: () => Promise.resolve(),
  query: (statement, scope) =>
    statement.text.includes('goal_replans')
      ? Promise.resolve([])
      : rig.database.query(statement, scope),
  transaction: (work, scope) =>
    rig.database.transaction(
      (tx) =>
        work({
          query: (statement) =>
            statement.text.includes('goal_replans') ? Promise.resolve([]) : tx.query(statement),
        }),
      scope,
    ),
}

guarantee(
  {
    id: 'replans-end',
    title:
      'a goal that is rejected again and again gets a bounded number of plans, never one twice',
    n: 3,
    seed: 1,
  },
  () => expectBounded(),
)

control(
  {
    guard: 'the comparison with the plans before',
    test: 'replans-end',
    expect: /to deeply equal/,
  },
  () => expectBounded(true),
)
