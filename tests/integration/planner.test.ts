import { AgentTask } from '@chimera/contracts/agent-task'
import { Goal } from '@chimera/contracts/goal'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { TaskPayload } from '@chimera/contracts/task-payload'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import { linesOf } from '@chimera/infra/streams/feed/feed-line'
import { describe, expect, test } from 'vitest'

import { seeded } from '../guarantee.ts'
import { audited, openPlannerRig, type PlannerRig, readAudit } from './planner-rig.ts'

describe('a goal on the stream', () => {
  test('becomes a plan with a task that is rung for', async () => {
    await using rig = await openPlannerRig()
    await rig.start()
    await rig.add({ id: 'g-1', text: 'publish a tweet: Hello, world' })
    await rig.settled()

    expect(await goals(rig)).toEqual([
      { id: 'g-1', status: 'ACTIVE', tasks_open: 1, failure: null },
    ])
    const [entry] = await rig.redis.client.xrange('chimera:tasks:CONTENT_GEN', '-', '+')
    const fields = entry?.[1] ?? []
    const task = AgentTask.parse(JSON.parse(fields[fields.indexOf('task') + 1] ?? ''))
    expect(task).toMatchObject({ parent_goal_id: 'g-1', type: 'CONTENT_GEN', status: 'PENDING' })
    expect(TaskPayload.parse(task.payload)).toMatchObject({ text: 'Hello, world', slot: 'publish' })
    expect(fields).toContain(DEFAULT_TENANT)
    const [row] = await rig.database.query({
      text: `SELECT t.phase, t.attempt, t.ready_at IS NOT NULL AS ready, p.payload, s.slot, s.tool,
          g.plan_hash IS NOT NULL AS hashed, g.lease_owner, g.planned_at IS NOT NULL AS planned
        FROM tasks t JOIN task_payloads p ON p.task_id = t.id
          JOIN goals g ON g.id = t.goal_id JOIN slots s ON s.goal_id = g.id`,
    })
    expect(row).toEqual({
      phase: 'ready',
      attempt: 0,
      ready: true,
      payload: task.payload,
      slot: 'publish',
      tool: 'post_tweet',
      hashed: true,
      lease_owner: null,
      planned: true,
    })
    expect(await readAudit(rig.database)).toEqual([
      'agent default  -> ACTIVE',
      'goal g-1  -> RECEIVED',
      'goal g-1 RECEIVED -> PLANNED',
      'goal g-1 PLANNED -> ACTIVE',
      `task ${task.task_id}  -> ready`,
    ])
    expect(await feed(rig)).toEqual([
      'agent.active',
      'goal.received',
      'goal.planned',
      'goal.active',
      'task.ready',
    ])
  })

  test('that is not understood fails with what is', async () => {
    await using rig = await openPlannerRig()
    await rig.start()
    await rig.add({ id: 'g-1', text: 'make me rich' })
    await rig.add({ id: 'g-2', goal: '{"kind":"tweet.post","params":{"txt":"hi"}}' })
    await rig.settled()
    expect(await goals(rig)).toEqual([
      expect.objectContaining({
        status: 'FAILED',
        failure: {
          code: 'GOAL_NOT_UNDERSTOOD',
          message: expect.stringContaining('publish a tweet'),
        },
      }),
      expect.objectContaining({
        status: 'FAILED',
        failure: { code: 'INPUT_INVALID', message: expect.stringContaining('/params/txt') },
      }),
    ])
  })

  test('posted twice is one goal, whether at once or later', async () => {
    await using rig = await openPlannerRig()
    const goal = { id: 'g-1', text: 'publish a tweet: once' }
    await rig.add(goal)
    await rig.add({ ...goal, mode: 'paper' })
    await rig.start()
    await rig.settled()
    await rig.add(goal)
    await rig.settled()
    expect(await goals(rig)).toHaveLength(1)
    expect(await rig.rung()).toHaveLength(1)
    expect(await letters(rig)).toEqual([])
  })

  test('with the id of another is a visible conflict', async () => {
    await using rig = await openPlannerRig()
    await rig.start()
    await rig.add({ id: 'g-1', text: 'publish a tweet: mine' })
    await rig.add({ id: 'g-1', text: 'publish a tweet: yours' })
    await rig.settled()
    expect(await letters(rig)).toEqual([
      { code: 'GOAL_ID_CONFLICT', reason: expect.stringContaining('g-1') },
    ])
    expect(await feed(rig)).toContain('goal.conflict')
    expect(await rig.rung()).toHaveLength(1)
    const [row] = await rig.database.query({ text: 'SELECT content FROM goals' })
    expect(row).toMatchObject({ content: { text: 'publish a tweet: mine' } })
  })

  test('is planned by one of two planners that are rung for it', async () => {
    await using rig = await openPlannerRig()
    await rig.start({ actor: 'planner-1' })
    await rig.start({ actor: 'planner-2' })
    const ids = Array.from({ length: 40 }, (_, n) => `g-${n}`)
    await insert(rig, ids)
    for (const id of [...ids, ...ids]) {
      await rig.add({ goal: JSON.stringify({ id, ring: true }), tenant: DEFAULT_TENANT })
    }
    await rig.settled()
    const rung = await rig.rung()
    expect(new Set(rung).size).toBe(ids.length)
    expect(rung).toHaveLength(ids.length)
  })

  test('of a drill of 500 has 500 tasks and as many doorbells', async () => {
    await using rig = await openPlannerRig()
    await rig.start()
    await rig.add({ id: 'g-1', text: 'noop 500' })
    await rig.settled()
    expect(await goals(rig)).toMatchObject([{ status: 'ACTIVE', tasks_open: 500 }])
    expect(new Set(await rig.rung()).size).toBe(500)
  })
})

test('nine bad entries among 500 become dead letters and spoil none of the others', async () => {
  await using rig = await openPlannerRig()
  const bad: Record<string, string>[] = [
    { goal: '{' },
    { goal: '[]' },
    { colour: 'blue' },
    { goal: '{"text":7}' },
    { text: 'noop 1', tenant: newId() },
    { text: 'noop 1', mode: 'yolo' },
    { text: `generic: ${'x'.repeat(2_000_000)}` },
    { goal: '{"kind":"generic","params":{"a\\u0000":"x"}}' },
    { goal: '{"id":"nobody","ring":true}' },
  ]
  const good = Array.from({ length: 500 - bad.length }, (_, at) => ({
    id: `g-${at}`,
    text: 'noop 1',
  }))
  for (const fields of seeded(11).shuffle<Record<string, string>>([...good, ...bad])) {
    await rig.add(fields)
  }
  await rig.start()
  await rig.settled()
  expect(await goals(rig)).toHaveLength(good.length)
  expect(new Set(await rig.rung()).size).toBe(good.length)
  expect((await letters(rig)).map(({ code }) => code).toSorted()).toEqual([
    'ENTRY_MALFORMED',
    'ENTRY_MALFORMED',
    'ENTRY_MALFORMED',
    'ENTRY_MALFORMED',
    'ENTRY_MALFORMED',
    'ENTRY_TOO_LARGE',
    'GOAL_NOT_FOUND',
    'INPUT_INVALID',
    'TENANT_FORBIDDEN',
  ])
})

describe('GOALS_FROM_STREAM', () => {
  test('off refuses goals without a row and plans those that have one', async () => {
    await using rig = await openPlannerRig()
    await insert(rig, ['g-1'])
    await rig.start({ from: 'off', actor: 'planner-off' })
    await rig.settled()
    await rig.add({ id: 'g-1', text: 'publish a tweet: forged words under a known id' })
    await rig.add({ id: 'g-2', text: 'noop 1' })
    await rig.settled()
    expect(await letters(rig)).toMatchObject([{ code: 'GOALS_FROM_STREAM_OFF' }])
    expect(await goals(rig)).toMatchObject([{ id: 'g-1', status: 'ACTIVE', tasks_open: 1 }])
    const [row] = await rig.database.query({ text: 'SELECT kind FROM tasks' })
    expect(row).toEqual({ kind: 'noop' })
  })

  test('untrusted marks every word and lets none be live', async () => {
    await using rig = await openPlannerRig()
    await rig.start({ from: 'untrusted' })
    await rig.add({ id: 'g-1', text: 'publish a tweet: hi' })
    await rig.add({ id: 'g-2', text: 'publish a tweet: hi', mode: 'live' })
    await rig.settled()
    expect(await letters(rig)).toMatchObject([{ code: 'MODE_FORBIDDEN' }])
    const rows = await rig.database.query({ text: 'SELECT id, trust, mode FROM goals' })
    expect(rows).toEqual([{ id: 'g-1', trust: 'untrusted', mode: 'paper' }])
  })
})

test('a plan that the database refuses fails its goal, and spoils none beside it', async () => {
  await using rig = await openPlannerRig()
  await rig.database.query({
    text: `ALTER TABLE task_payloads ADD CONSTRAINT few CHECK (NOT payload @> '{"index": 6}')`,
  })
  for (const [id, text] of [
    ['g-1', 'noop 1'],
    ['g-2', 'noop 7'],
    ['g-3', 'noop 2'],
  ] as const) {
    await rig.add({ id, text })
  }
  await rig.start()
  await rig.settled()
  expect(await goals(rig)).toMatchObject([
    { id: 'g-1', status: 'ACTIVE', tasks_open: 1 },
    { id: 'g-2', status: 'FAILED', failure: { code: 'PLAN_INVALID' } },
    { id: 'g-3', status: 'ACTIVE', tasks_open: 2 },
  ])
  expect(await rig.rung()).toHaveLength(3)
})

test('a stop does not keep goals from being received and planned', async () => {
  await using rig = await openPlannerRig()
  await rig.database.query({
    text: "UPDATE fences SET epoch = 1, stopped = true WHERE scope = 'everything'",
  })
  await rig.start()
  await rig.add({ id: 'g-1', text: 'publish a tweet: later' })
  await rig.settled()
  expect(await goals(rig)).toMatchObject([{ status: 'ACTIVE' }])
})

/** Commits goals as the Gateway would. */
async function insert(rig: PlannerRig, ids: readonly string[]): Promise<void> {
  const goal = Goal.parse({ text: 'noop 1' })
  const row = { tenantId: DEFAULT_TENANT, goal, source: 'http', trust: 'owner' } as const
  await audited(rig.database, (tx, audit) =>
    insertGoals(
      tx,
      ids.map((id) => ({ ...row, id })),
      audit,
    ),
  )
}

async function goals(rig: PlannerRig): Promise<Record<string, unknown>[]> {
  return rig.database.query({
    text: 'SELECT id, status, tasks_open, failure FROM goals ORDER BY received_at, id',
  })
}

async function letters(rig: PlannerRig): Promise<{ code: string; reason: string }[]> {
  return rig.database.query({ text: 'SELECT code, reason FROM dead_letters' })
}

/** Types of all feed events, in order. */
async function feed(rig: PlannerRig): Promise<string[]> {
  const entries = await rig.redis.client.xrange('chimera:feed', '-', '+')
  return entries
    .flatMap(([id, fields]) => linesOf({ id, fields }))
    .map(({ event }) => event?.type ?? '')
}
