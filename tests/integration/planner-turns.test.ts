import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { taskStream, WORK_STREAMS } from '@chimera/contracts/streams'
import { cancelGoal } from '@chimera/infra/database/goals/cancel-goal'
import { ITS_TURN, WAITS_ON } from '@chimera/infra/database/tasks/let-wait'
import { readTaskViews } from '@chimera/infra/database/views/task-view'
import { inspectStreams } from '@chimera/infra/streams/inspect'
import { openTaskQueue } from '@chimera/planner/queue-tasks'
import { openRingRoom } from '@chimera/planner/ring-room'
import { startPlanner } from '@chimera/planner/start-planner'
import { expect, test } from 'vitest'

import { audited, openPlannerRig, type PlannerRig } from './planner-rig.ts'

const STREAM = taskStream('RESEARCH')

/** A Planner as its composition root makes it. */
async function startWithQueue(rig: PlannerRig): Promise<AsyncDisposable> {
  const { deps, redis, redisUrl } = rig
  const lagOf = async () =>
    new Map((await inspectStreams({ redis })).map(({ name, lag }) => [name, lag]))
  const tasks = openTaskQueue({ room: openRingRoom({ lagOf }), log: deps.log })
  const door = { from: 'owner', tenantId: DEFAULT_TENANT } as const
  return startPlanner({ ...deps, tasks, door, redisUrl })
}

const waiting = async (rig: PlannerRig) => {
  const rows = await rig.database.query<{ id: string; head_start: number; reason: string }>({
    text: `SELECT id, round(extract(epoch FROM ready_at - turn))::int AS head_start,
        (${WAITS_ON}) ->> 'reason' AS reason
      FROM tasks t WHERE phase = 'ready' AND turn IS NOT NULL ORDER BY turn, id`,
  })
  return rows
}

test('a tenant rings for one batch, and its further tasks wait in the record', async () => {
  await using rig = await openPlannerRig()
  await using planner = await startWithQueue(rig)
  await rig.add({ id: 'first', text: 'noop 500' })
  await rig.settled()
  expect(await rig.rung()).toHaveLength(500)
  expect(await waiting(rig)).toEqual([])

  await rig.add({ id: 'second', text: 'noop 300', urgency: '5', importance: '1' })
  await rig.settled()
  const rows = await waiting(rig)
  expect(rows).toHaveLength(300)
  expect(new Set(rows.map(({ head_start: s }) => s))).toEqual(new Set([240]))
  expect(rows[0]?.reason).toMatch(/^its turn: /)
  // One of them tells of the others.
  const rung = await rig.rung()
  expect(rung).toHaveLength(501)
  expect(rows.map(({ id }) => id)).toContain(rung.at(-1))
  void planner
})

test('what comes after tasks that wait waits, too, until none does', async () => {
  await using rig = await openPlannerRig()
  await using planner = await startWithQueue(rig)
  await rig.add({ id: 'first', text: 'noop 500' })
  await rig.add({ id: 'second', text: 'noop 10' })
  await rig.settled()
  expect(await waiting(rig)).toHaveLength(10)
  // All that was rung for is heard.
  await rig.redis.client.xgroup('CREATE', STREAM, 'worker', '$').catch(() => undefined)
  await rig.redis.client.xgroup('SETID', STREAM, 'worker', '$')
  await rig.redis.client.xtrim(STREAM, 'MAXLEN', 0)
  await rig.add({ id: 'third', text: 'noop 5' })
  await rig.settled()
  expect(await waiting(rig)).toHaveLength(15)

  await rig.database.query({
    text: `UPDATE tasks SET turn = NULL, turn_agent = NULL, version_id = new_version()
      WHERE turn IS NOT NULL`,
  })
  await rig.add({ id: 'fourth', text: 'noop 5' })
  await rig.settled()
  expect(await waiting(rig)).toEqual([])
  void planner
})

test('what was called off waits for no turn any more', async () => {
  await using rig = await openPlannerRig()
  await using planner = await startWithQueue(rig)
  await rig.add({ id: 'first', text: 'noop 500' })
  await rig.add({ id: 'second', text: 'noop 2' })
  await rig.settled()
  const of = { tenantId: DEFAULT_TENANT, goalId: 'second' }
  const waits = async () =>
    (await readTaskViews(rig.database, of)).map(({ waiting_on: on }) => on?.reason)
  expect(await waits()).toEqual([ITS_TURN, ITS_TURN])
  await audited(rig.database, (tx, audit) => cancelGoal(tx, of, audit))
  expect(await waits()).toEqual([undefined, undefined])
  void planner
})

test('nobody waits where the streams do not tell how long they are', async () => {
  await using rig = await openPlannerRig()
  const lagOf = () => Promise.resolve(new Map(WORK_STREAMS.map((name) => [name, null])))
  const tasks = openTaskQueue({ room: openRingRoom({ lagOf }), log: rig.deps.log })
  const door = { from: 'owner', tenantId: DEFAULT_TENANT } as const
  await using planner = await startPlanner({ ...rig.deps, tasks, door, redisUrl: rig.redisUrl })
  for (const id of ['a', 'b', 'c']) {
    await rig.add({ id, text: 'noop 400' })
    await rig.settled()
  }
  expect(await rig.rung()).toHaveLength(1_200)
  void planner
})
