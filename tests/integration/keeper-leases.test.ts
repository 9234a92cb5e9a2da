import { newId } from '@chimera/contracts/ids'
import { MAX_LEASES_LOST } from '@chimera/domain/retry'
import { PAGE } from '@chimera/keeper/duties/keeper-deps'
import type { Duty } from '@chimera/keeper/duties/run-duties'
import { DUTIES } from '@chimera/keeper/open-keeper'
import { afterEach, expect, test, vi } from 'vitest'

import {
  addGoal,
  addTasks,
  createGroups,
  markerIsSaved,
  openScene,
  payloads,
  waitMs,
  type Scene,
} from './keeper-scene.ts'

afterEach(() => {
  vi.useRealTimers()
})

const running = (lease: string) => ({
  status: `'IN_PROGRESS'`,
  phase: `'running'`,
  attempt: '1',
  lease_owner: `'worker-1'`,
  lease_until: `now() + interval '${lease}'`,
})

async function taskOf(scene: Scene, id: string | undefined) {
  const [row] = await scene.database.query({
    text: 'SELECT * FROM tasks WHERE id = $1',
    values: [id],
  })
  return row
}

test('a lease that ran out gives its task back, published, audited and shown', async () => {
  await using scene = await openScene()
  await createGroups(scene)
  scene.openKeeper()
  await markerIsSaved(scene)
  const { taskIds } = await addTasks(scene.database, { columns: running('-1 s') })
  const [taskId] = taskIds
  await expect
    .poll(() => taskOf(scene, taskId), { timeout: 5_000 })
    .toMatchObject({ status: 'PENDING', phase: 'ready', leases_lost: 1, lease_owner: null })
  await expect
    .poll(() => payloads(scene, 'chimera:tasks:RESEARCH'))
    .toMatchObject([{ task_id: taskId, status: 'PENDING' }])
  const task = await taskOf(scene, taskId)
  const entries = await scene.database.query({ text: 'SELECT * FROM audit_entries' })
  const entry = entries.find((row) => row['id'] === task?.['audit_id'])
  expect(entry).toMatchObject({
    actor: 'keeper-1',
    items: [{ subject: 'task', id: taskId, from: 'running', to: 'ready' }],
  })
  expect(await payloads(scene, 'chimera:feed')).toContainEqual(
    expect.objectContaining({ type: 'task.ready', task_id: taskId }),
  )
})

test('a lease comes back behind a page of them that somebody has locked', async () => {
  await using scene = await openScene()
  await createGroups(scene)
  const locked = await addTasks(scene.database, { count: PAGE, columns: running('-9 s') })
  const { taskIds } = await addTasks(scene.database, { columns: running('-1 s') })
  await scene.database.transaction(async (tx) => {
    const text = `SELECT FROM tasks WHERE goal_id = $1 FOR UPDATE`
    await tx.query({ text, values: [locked.goalId] })
    scene.openKeeper()
    await expect
      .poll(() => taskOf(scene, taskIds[0]), { timeout: 5_000 })
      .toMatchObject({ status: 'PENDING', phase: 'ready' })
    expect(await taskOf(scene, locked.taskIds[0])).toMatchObject({ status: 'IN_PROGRESS' })
  })
  await expect
    .poll(() => taskOf(scene, locked.taskIds[0]), { timeout: 5_000 })
    .toMatchObject({ status: 'PENDING', phase: 'ready' })
})

test("leases are counted by the database clock, not by the keeper's", async () => {
  await using scene = await openScene()
  await createGroups(scene)
  const { taskIds } = await addTasks(scene.database, { columns: running('30 s') })
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
  scene.openKeeper()
  await markerIsSaved(scene)
  await waitMs(1_500)
  expect(await taskOf(scene, taskIds[0])).toMatchObject({ status: 'IN_PROGRESS', leases_lost: 0 })
  vi.setSystemTime(Date.now() - 7_200_000)
  await scene.database.query({ text: `UPDATE tasks SET lease_until = now() - interval '1 ms'` })
  await expect.poll(() => taskOf(scene, taskIds[0])).toMatchObject({ status: 'PENDING' })
})

test('the fifth lost lease is the last: the task is dead, and so is its goal', async () => {
  await using scene = await openScene()
  await createGroups(scene)
  const { goalId, taskIds } = await addTasks(scene.database, {
    count: 1,
    columns: { ...running('-1 s'), leases_lost: String(MAX_LEASES_LOST - 1) },
  })
  const childId = newId()
  await scene.database.query({
    text: `INSERT INTO tasks (id, tenant_id, goal_id, version_id, type, kind, status, phase,
        parents_open, audit_id)
      SELECT $1, tenant_id, goal_id, gen_random_uuid(), type, kind, 'PENDING', 'blocked', 1,
        audit_id
      FROM tasks`,
    values: [childId],
  })
  await scene.database.query({
    text: 'INSERT INTO task_dependencies VALUES ($1, $2)',
    values: [taskIds[0], childId],
  })
  await scene.database.query({ text: 'UPDATE goals SET tasks_open = 2, tasks_total = 2' })
  scene.openKeeper()
  await expect
    .poll(() => taskOf(scene, taskIds[0]), { timeout: 5_000 })
    .toMatchObject({ status: 'FAILED', phase: 'dead', failure: { code: 'ATTEMPTS_EXHAUSTED' } })
  expect(await taskOf(scene, childId)).toMatchObject({ status: 'FAILED', phase: 'cancelled' })
  const [goal] = await scene.database.query({
    text: 'SELECT status, tasks_open FROM goals WHERE id = $1',
    values: [goalId],
  })
  expect(goal).toEqual({ status: 'FAILED', tasks_open: 0 })
})

test('a goal whose planner died is rung, ever more rarely until somebody takes it', async () => {
  await using scene = await openScene()
  await createGroups(scene)
  scene.openKeeper()
  await markerIsSaved(scene)
  await addGoal(scene.database, {
    id: 'orphan',
    status: 'RECEIVED',
    columns: { lease_owner: `'planner-1'`, lease_until: `now() - interval '1 s'` },
  })
  await expect
    .poll(() => payloads(scene, 'chimera:goals'), { timeout: 5_000 })
    .toMatchObject([{ id: 'orphan', ring: true }])
  await waitMs(1_500)
  expect(await payloads(scene, 'chimera:goals')).toHaveLength(1)
})

test('of two keepers one leads each duty, and the other takes over within seconds', async () => {
  await using scene = await openScene()
  const first = scene.openKeeper()
  await expect.poll(() => first.leads(), { timeout: 5_000 }).toEqual([...DUTIES])
  const second = scene.openKeeper()
  await waitMs(2_500)
  expect(second.leads()).toEqual([])
  await first[Symbol.asyncDispose]()
  const start = performance.now()
  await expect.poll(() => second.leads(), { timeout: 5_000 }).toEqual([...DUTIES])
  expect(performance.now() - start).toBeLessThan(3_000)
})

test('a leader that loses its connection leads no more, and somebody does', async () => {
  await using scene = await openScene()
  const keepers = [scene.openKeeper(), scene.openKeeper()]
  const leads = () => keepers.map((keeper) => keeper.leads().length)
  await expect
    .poll(() => leads().toSorted((a, b) => a - b), { timeout: 5_000 })
    .toEqual([0, DUTIES.length])
  await scene.database.query({
    text: `SELECT pg_terminate_backend(l.pid) FROM pg_locks l
      JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
      WHERE locktype = 'advisory'`,
  })
  const countLocks = async () => {
    const [row] = await scene.database.query<{ n: string }>({
      text: `SELECT count(*) AS n FROM pg_locks l
        JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
        WHERE locktype = 'advisory'`,
    })
    return Number(row?.n)
  }
  await expect.poll(countLocks, { timeout: 5_000 }).toBe(DUTIES.length)
  await expect.poll(() => leads().reduce((a, b) => a + b)).toBe(DUTIES.length)
})

test('a duty that hangs is counted, gives its lock up, and delays no other', async () => {
  await using scene = await openScene()
  const rounds: string[] = []
  const beat = (name: string, round: () => Promise<void>): Duty => ({
    name,
    deadlineMs: 300,
    next: async (signal) => {
      await waitMs(50)
      return () => {
        if (!signal.aborted) rounds.push(name)
        return round()
      }
    },
  })
  const compose = () => [
    beat('leases', () => new Promise(() => {})),
    beat('trim', () => Promise.resolve()),
  ]
  const keeper = scene.openKeeper({ compose })
  await expect.poll(() => rounds.filter((name) => name === 'trim').length).toBeGreaterThan(10)
  expect(rounds.filter((name) => name === 'leases')).toHaveLength(1)
  await expect.poll(() => keeper.leads()).not.toContain('leases')
  expect(await scene.metrics.registry.metrics()).toMatch(
    /chimera_tasks_total\{kind="keeper.leases",outcome="late"\} 1/,
  )
})
