import { newId } from '@chimera/contracts/ids'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { doorbellDuty } from '@chimera/keeper/doorbells/doorbell-duty'
import { DUTIES, type openKeeper } from '@chimera/keeper/open-keeper'
import { expect, test } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import {
  ACCOUNT,
  addEffect,
  addGoal,
  addTasks,
  createGroups,
  drain,
  markerIsSaved,
  openScene,
  payloads,
  waitMs,
  type Scene,
} from './keeper-scene.ts'

type Compose = NonNullable<Parameters<typeof openKeeper>[0]['compose']>

const RESEARCH = 'chimera:tasks:RESEARCH'
const countOf = (scene: Scene, stream: string) => scene.redis.client.xlen(stream)

guarantee(
  {
    id: 'redis-lost',
    title: 'all of Redis lost: every ready task is published again, once',
    n: 200,
    seed: 1,
  },
  async ({ n }) => {
    await using scene = await openScene()
    scene.openKeeper()
    await markerIsSaved(scene)
    const { taskIds } = await addTasks(scene.database, { count: n })
    await addGoal(scene.database, { id: 'waiting', status: 'RECEIVED' })
    await scene.redis.client.flushall()
    await expect.poll(() => countOf(scene, RESEARCH), { timeout: 10_000 }).toBe(n)
    await waitMs(3_000)
    const published = await payloads(scene, RESEARCH)
    expect(new Set(published.map((task) => task['task_id']))).toEqual(new Set(taskIds))
    expect(published[0]).toMatchObject({ type: 'RESEARCH', status: 'PENDING' })
    expect(await payloads(scene, 'chimera:goals')).toMatchObject([{ id: 'waiting', ring: true }])
  },
)

/** A long queue: rows that grew old while their entries wait in the stream. */
async function expectNoSecondPublication(of: { n: number; compose?: Compose }): Promise<void> {
  await using scene = await openScene()
  await createGroups(scene)
  scene.openKeeper(of.compose === undefined ? {} : { compose: of.compose })
  await markerIsSaved(scene)
  const { taskIds } = await addTasks(scene.database, {
    count: of.n,
    columns: { ready_at: `now() - interval '15 seconds'` },
  })
  const publisher = openPublisher({ redis: scene.redis, source: 'test' })
  await publisher.publish(
    taskIds.map((id) => ({ stream: RESEARCH, payload: { task_id: id } }) as const),
  )
  await waitMs(3_500)
  expect(await countOf(scene, RESEARCH)).toBe(of.n)
  // One entry is pending and all others are read: still no doorbell is lost.
  await drain(scene, RESEARCH)
  await publisher.publish([{ stream: RESEARCH, payload: { task_id: taskIds[0] } }])
  await scene.redis.client.xreadgroup('GROUP', 'worker', 'busy', 'STREAMS', RESEARCH, '>')
  await waitMs(3_000)
  expect(await countOf(scene, RESEARCH)).toBe(of.n + 1)
}

guarantee(
  {
    id: 'long-queue',
    title: 'queued tasks are not published a second time, however old they grow',
    n: 20_000,
    seed: 1,
    timeoutMs: 90_000,
  },
  ({ n }) => expectNoSecondPublication({ n }),
)

control(
  {
    guard: 'the look at lag and pending',
    test: 'long-queue',
    expect: /expected \d+ to be 500/,
  },
  () =>
    expectNoSecondPublication({
      n: 500,
      compose: (deps) => [
        doorbellDuty(deps, {
          quiet: { note: (states) => states.map(({ name }) => name), forget: () => {} },
        }),
      ],
    }),
)

test('a task whose entry was lost is published again once its stream is quiet', async () => {
  await using scene = await openScene()
  await createGroups(scene)
  scene.openKeeper()
  await markerIsSaved(scene)
  const { taskIds } = await addTasks(scene.database, { count: 3 })
  const start = performance.now()
  await expect.poll(() => countOf(scene, RESEARCH), { timeout: 10_000 }).toBe(3)
  expect(performance.now() - start).toBeGreaterThan(3_900)
  const published = await payloads(scene, RESEARCH)
  expect(new Set(published.map((task) => task['task_id']))).toEqual(new Set(taskIds))
  // They lie unread: the stream is not quiet, and nothing is added.
  await waitMs(3_000)
  expect(await countOf(scene, RESEARCH)).toBe(3)
})

test('tasks of a paused goal, and tasks that are not due, are left alone', async () => {
  await using scene = await openScene()
  await createGroups(scene)
  const old = { ready_at: `now() - interval '1 minute'` }
  await addTasks(scene.database, { columns: { ...old, run_at: `now() + interval '1 hour'` } })
  const { goalId } = await addTasks(scene.database, { columns: old })
  await scene.database.query({
    text: `UPDATE goals SET status = 'PAUSED', paused_from = 'ACTIVE' WHERE id = $1`,
    values: [goalId],
  })
  scene.openKeeper()
  await markerIsSaved(scene)
  await waitMs(3_500)
  expect(await countOf(scene, RESEARCH)).toBe(0)
})

test('a cooldown that is over is rung within 1.5 s, once, and not a moment too early', async () => {
  await using scene = await openScene()
  await createGroups(scene)
  scene.openKeeper({ sweepMs: 1_000 })
  await markerIsSaved(scene)
  const due = `now() + interval '2.3 seconds'`
  const judging = await addTasks(scene.database, {
    columns: { status: `'REVIEW'`, phase: `'judging'`, result_at: 'now()', run_at: due },
  })
  const ready = await addTasks(scene.database, { columns: { run_at: due } })
  const [row] = await scene.database.query<{ due: Date }>({
    text: 'SELECT min(run_at) AS due FROM tasks',
  })
  const dueAt = row?.due.getTime() ?? 0
  await expect.poll(() => countOf(scene, 'chimera:results'), { timeout: 5_000 }).toBe(1)
  await expect.poll(() => countOf(scene, RESEARCH), { timeout: 5_000 }).toBe(1)
  const [ring] = await payloads(scene, 'chimera:results')
  const [task] = await payloads(scene, RESEARCH)
  expect(ring).toMatchObject({ look_at: 'task', id: judging.taskIds[0] })
  expect(task).toMatchObject({ task_id: ready.taskIds[0] })
  for (const entry of [ring, task]) {
    const rungAt = Number(entry?.entryId.split('-')[0])
    expect(rungAt).toBeGreaterThanOrEqual(dueAt)
    expect(rungAt - dueAt).toBeLessThan(1_500)
  }
  // Acknowledged and not moved: it is late now, and is rung once more only after a quiet while.
  await waitMs(1_500)
  expect(await countOf(scene, 'chimera:results')).toBe(1)
})

/** A stream on which there is always something unread or pending. */
async function keepBusy(scene: Scene, signal: AbortSignal): Promise<void> {
  const { client } = scene.redis
  const publisher = openPublisher({ redis: scene.redis, source: 'test' })
  const payload = { task_id: newId() }
  const read = () => client.xreadgroup('GROUP', 'worker', 'busy', 'STREAMS', RESEARCH, '>')
  let pending: string[] = []
  while (!signal.aborted) {
    await publisher.publish([{ stream: RESEARCH, payload }])
    await read()
    const now = await client.xpending(RESEARCH, 'worker', '-', '+', 10)
    const ids = now.map(String).map((entry) => entry.split(',')[0] ?? '')
    if (pending.length > 0) await client.xack(RESEARCH, 'worker', ...pending)
    pending = ids.filter((id) => !pending.includes(id))
    await waitMs(100)
  }
}

async function expectLostBellIsRung(of: { compose?: Compose }): Promise<void> {
  await using scene = await openScene()
  await createGroups(scene)
  scene.openKeeper(of.compose === undefined ? {} : { compose: of.compose })
  await markerIsSaved(scene)
  const ended = new AbortController()
  const busy = keepBusy(scene, ended.signal)
  const old = { ready_at: `now() - interval '40 s'` }
  const { taskIds: lost } = await addTasks(scene.database, { columns: old })
  const late = { ready_at: `now() - interval '5 s'` }
  const { taskIds: young } = await addTasks(scene.database, { columns: late })
  const rung = async () => new Set((await payloads(scene, RESEARCH)).map((task) => task['task_id']))
  try {
    await expect.poll(rung, { timeout: 8_000 }).toContain(lost[0])
    // Its entry may still be on its way.
    expect(await rung()).not.toContain(young[0])
  } finally {
    ended.abort()
    await busy
  }
}

guarantee(
  { id: 'busy-stream', title: 'a doorbell lost on a stream that is never quiet', n: 1, seed: 1 },
  () => expectLostBellIsRung({}),
)

control(
  {
    guard: 'the look at how far a group has come',
    test: 'busy-stream',
    expect: /to include/,
  },
  () => expectLostBellIsRung({ compose: (deps) => [doorbellDuty(deps, { passed: NEVER })] }),
)

const NEVER = { note: () => [] }

test('results, receipts and grants are rung again, each on its stream', async () => {
  await using scene = await openScene()
  await createGroups(scene)
  scene.openKeeper()
  await markerIsSaved(scene)
  const { database } = scene
  const { taskIds } = await addTasks(database, {
    columns: { status: `'REVIEW'`, phase: `'judging'`, result_at: `now() - interval '5 s'` },
  })
  const receiptId = newId()
  await database.query({
    text: `INSERT INTO receipts (id, grant_id, jws, carried_by, created_at)
      VALUES ($1, gen_random_uuid(), 'x', 'worker-1', now() - interval '5 s')`,
    values: [receiptId],
  })
  const boot = newId()
  await database.query({
    text: `INSERT INTO tool_accounts (account, server, url, backend, live, boot, version_id)
      VALUES ($1, 'tweet', 'http://127.0.0.1:9', 'simulated', false, $2, gen_random_uuid())`,
    values: [ACCOUNT, boot],
  })
  const grant = await addEffect(scene, { boot, granted: '-5 s', expires: '50 s' })
  await expect.poll(() => countOf(scene, 'chimera:effects'), { timeout: 10_000 }).toBe(1)
  expect(await payloads(scene, 'chimera:effects')).toMatchObject([
    { effect_id: grant.effectId, grant_id: grant.grantId, account: ACCOUNT, grant: 'jws' },
  ])
  const rings = await payloads(scene, 'chimera:results')
  expect(rings).toContainEqual(expect.objectContaining({ look_at: 'task', id: taskIds[0] }))
  expect(rings).toContainEqual(expect.objectContaining({ look_at: 'receipt', id: receiptId }))
})

test('a keeper that lost its record or its Redis for a moment goes on', async () => {
  await using scene = await openScene()
  await createGroups(scene)
  const keeper = scene.openKeeper()
  await markerIsSaved(scene)
  await scene.database.query({
    text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  })
  await expect.poll(() => keeper.leads().length, { timeout: 10_000 }).toBe(DUTIES.length)
  await addTasks(scene.database)
  await expect.poll(() => countOf(scene, RESEARCH), { timeout: 10_000 }).toBe(1)
})
