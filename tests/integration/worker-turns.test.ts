import { setTimeout as sleep } from 'node:timers/promises'

import { newId } from '@chimera/contracts/ids'
import type { Database } from '@chimera/infra/database/open-database'
import type { Caps } from '@chimera/infra/database/tasks/caps'
import { claimTasks } from '@chimera/infra/database/tasks/claim-tasks'
import { takeTurns } from '@chimera/infra/database/tasks/find-turns'
import { ITS_TURN, letWait } from '@chimera/infra/database/tasks/let-wait'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import {
  countIn,
  drills,
  noops,
  NOTHING,
  openWorkerRig,
  readyTasks,
  ring,
  tasksOf,
  until,
  withStatement,
  type WorkerRig,
} from './worker-rig.ts'

let rig: WorkerRig
beforeAll(async () => {
  rig = await openWorkerRig()
})
afterAll(() => rig[Symbol.asyncDispose]())
beforeEach(async () => {
  await rig.redis.client.flushall()
  await rig.database.query({
    text: `UPDATE tasks SET status = 'FAILED', phase = 'dead',
        version_id = new_version(), lease_owner = NULL, lease_until = NULL
      WHERE status IN ('PENDING', 'IN_PROGRESS', 'REVIEW')`,
  })
})

const WIDE = { agent: 1_000, tenant: 10_000 }

async function newTenant(): Promise<string> {
  const id = newId()
  await rig.database.query({
    text: `INSERT INTO tenants (id, name) VALUES ($1, $2)`,
    values: [id, `tenant ${id}`],
  })
  return id
}

const inFlight = async (): Promise<number> => {
  const [row] = await rig.database.query<{ n: number }>({
    text: `SELECT count(*)::int AS n FROM tasks WHERE status = 'IN_PROGRESS'`,
  })
  return row?.n ?? 0
}

/** As Planners and Workers leave tasks that are to wait. */
const wait = (ids: readonly string[], headStartMs = 0, caps = WIDE): Promise<void> =>
  letWait(rig.database, { tasks: ids.map((id) => ({ id, headStartMs })), caps })

/** Whose turn it is, as nobody's transaction. */
const nextTurns = (most: number, caps = WIDE): Promise<string[]> =>
  rig.database.transaction(async (tx) => {
    const rings = await takeTurns(tx, { types: ['RESEARCH'], most, mostUnjudged: 500, caps })
    return rings.map(({ id }) => id)
  })

/** Rings for `n` slow tasks with two Workers, and answers the most that were ever in flight. */
async function mostInFlight(of: { n: number; caps: Caps; database?: Database }): Promise<number> {
  const { n, caps } = of
  const gate = Promise.withResolvers<void>()
  const executors = drills(async () => {
    await Promise.race([gate.promise, sleep(60)])
    return NOTHING
  })
  const ids = await readyTasks(rig.database, noops(n))
  const over = { executors, caps, ...(of.database === undefined ? {} : { database: of.database }) }
  await using one = await rig.start(over)
  await using other = await rig.start(over)
  for (let at = 0; at < n; at += 10) await ring(rig, ids.slice(at, at + 10))
  let most = 0
  const done = await until(
    async () => {
      most = Math.max(most, await inFlight())
      return countIn(rig.database, ids, 'judging')
    },
    (count) => count === n,
    30_000,
  )
  gate.resolve()
  one.check()
  other.check()
  expect(done).toBe(n)
  return most
}

const CAP = 7

const OF_AGENT = { agent: CAP, tenant: 10_000 }
const OF_TENANT = { agent: 1_000, tenant: CAP }

async function expectCapHolds(caps: Caps, database?: Database): Promise<void> {
  const most = await mostInFlight({ n: 60, caps, ...(database === undefined ? {} : { database }) })
  expect(most).toBeGreaterThan(0)
  expect(most, 'most in flight').toBeLessThanOrEqual(CAP)
}

guarantee(
  {
    id: 'agent-cap',
    title: 'two Workers never have more tasks of an agent in flight than its cap',
    n: 60,
    seed: 1,
  },
  () => expectCapHolds(OF_AGENT),
)

/** Every task that may be claimed is, whatever is in flight. */
const heedless = (): Database =>
  withStatement(rig.database, 'claim-tasks', (text) => text.replace('WHERE has_room', ''))

control({ guard: 'the cap in the claim', test: 'agent-cap', expect: /most in flight/ }, () =>
  expectCapHolds(OF_AGENT, heedless()),
)

guarantee(
  {
    id: 'tenant-cap',
    title: 'nor more tasks of a tenant than its cap',
    n: 60,
    seed: 1,
  },
  () => expectCapHolds(OF_TENANT),
)

control({ guard: 'the cap in the claim', test: 'tenant-cap', expect: /most in flight/ }, () =>
  expectCapHolds(OF_TENANT, heedless()),
)

test('what a cap holds back says so, and goes on when there is room', async () => {
  const gate = Promise.withResolvers<void>()
  const executors = drills(async () => {
    await gate.promise
    return NOTHING
  })
  const ids = await readyTasks(rig.database, noops(8))
  await using worker = await rig.start({ executors, caps: { agent: 3, tenant: 10_000 } })
  await ring(rig, ids)
  const held = await until(
    async () => (await tasksOf(rig.database, ids)).filter(({ waiting_on: on }) => on !== null),
    (rows) => rows.length === 5,
  )
  expect(held.map(({ waiting_on: on }) => on)).toEqual(
    Array.from({ length: 5 }, () => ({
      reason: 'agent at 3 tasks in flight',
      until: null,
      unblock: null,
    })),
  )
  gate.resolve()
  const done = await until(
    () => countIn(rig.database, ids, 'judging'),
    (n) => n === 8,
  )
  expect(done).toBe(8)
  worker.check()
})

test('tenants take turns, and each one queues in the order of its turns', async () => {
  const [big, small] = [await newTenant(), await newTenant()]
  const many = await readyTasks(rig.database, noops(50), { tenantId: big })
  const few = await readyTasks(rig.database, noops(3), { tenantId: small })
  await wait(many)
  await wait(few)
  const next = await nextTurns(10)
  expect(next.filter((id) => few.includes(id))).toHaveLength(3)
  expect(next.slice(0, 6).filter((id) => few.includes(id))).toHaveLength(3)
  expect(next).toHaveLength(10)
})

test('the urgent comes before the ordinary, and what has waited long before both', async () => {
  const tenantId = await newTenant()
  const ordinary = await readyTasks(rig.database, noops(2), { tenantId })
  const urgent = await readyTasks(rig.database, noops(2), { tenantId })
  const old = await readyTasks(rig.database, noops(1), { tenantId })
  await rig.database.query({
    text: `UPDATE tasks SET ready_at = now() - interval '1 hour' WHERE id = ANY ($1)`,
    values: [old],
  })
  await wait(ordinary, 180_000)
  await wait(urgent, 300_000)
  await wait(old, 0)
  const [first, ...others] = await nextTurns(10)
  expect([first]).toEqual(old)
  expect(new Set(others.slice(0, 2))).toEqual(new Set(urgent))
  expect(new Set(others.slice(2))).toEqual(new Set(ordinary))
})

test('a paused agent and an ended goal have no turn, and caps leave so many', async () => {
  const [paused, ended, open] = [await newTenant(), await newTenant(), await newTenant()]
  const ids = []
  for (const tenantId of [paused, ended, open]) {
    const own = await readyTasks(rig.database, noops(5), { tenantId })
    await wait(own)
    ids.push(own)
  }
  await rig.database.query({
    text: `UPDATE tenants SET status = 'PAUSED', version_id = new_version() WHERE id = $1`,
    values: [paused],
  })
  await rig.database.query({
    text: `UPDATE goals SET status = 'PAUSED', paused_from = 'ACTIVE',
      version_id = new_version() WHERE tenant_id = $1`,
    values: [ended],
  })
  expect(new Set(await nextTurns(100))).toEqual(new Set(ids[2]))
  expect(await nextTurns(100, { agent: 2, tenant: 9 })).toHaveLength(2)
  expect(await nextTurns(100, { agent: 9, tenant: 3 })).toHaveLength(3)
})

test('a task that waits is claimed by whoever rings for it, and waits no more', async () => {
  const ids = await readyTasks(rig.database, noops(2))
  await wait(ids)
  const [before] = await tasksOf(rig.database, ids)
  expect(before?.waiting_on).toEqual({ reason: ITS_TURN, until: null, unblock: null })
  const { tasks } = await claimTasks(rig.database, {
    rings: ids.map((id) => ({ id })),
    worker: 'w',
    leaseMs: 15_000,
    caps: WIDE,
  })
  expect(tasks.map(({ didWait }) => didWait)).toEqual([true, true])
  expect(await nextTurns(10)).toEqual([])
})

test('a Worker that starts finds what waits although nobody rings', async () => {
  const ids = await readyTasks(rig.database, noops(700))
  await wait(ids)
  await using worker = await rig.start()
  const done = await until(
    () => countIn(rig.database, ids, 'judging'),
    (n) => n === 700,
    20_000,
  )
  expect(done).toBe(700)
  worker.check()
})

const BIG = 3_000
/** Two batches of rings, and what Workers take from the queues beside them. */
const MOST_BEFORE = 1_000

/** How many tasks of a big tenant are claimed before those of a small one that comes after it? */
async function expectSmallOneSoon(prepare: (ids: readonly string[]) => Promise<void>) {
  const [big, small] = [await newTenant(), await newTenant()]
  const many = await readyTasks(rig.database, noops(BIG), { tenantId: big })
  await prepare(many)
  const few = await readyTasks(rig.database, noops(10), { tenantId: small })
  await ring(rig, few, { tenant: small })
  await using worker = await rig.start()
  const done = await until(
    () => countIn(rig.database, few, 'judging'),
    (n) => n === 10,
    60_000,
  )
  expect(done).toBe(10)
  const [row] = await rig.database.query<{ n: number }>({
    text: `SELECT count(*)::int AS n FROM tasks WHERE id = ANY ($2)
      AND claimed_at < (SELECT max(claimed_at) FROM tasks WHERE id = ANY ($1))`,
    values: [few, many],
  })
  expect(row?.n, 'tasks of the big tenant before').toBeLessThanOrEqual(MOST_BEFORE)
  worker.check()
}

guarantee(
  {
    id: 'small-tenant-soon',
    title: 'ten tasks of a tenant do not wait for the thousands of another',
    n: BIG,
    seed: 1,
  },
  () => expectSmallOneSoon((ids) => wait(ids)),
)

control(
  {
    guard: 'the queue in the record',
    test: 'small-tenant-soon',
    expect: /tasks of the big tenant before/,
  },
  // Nobody's in name, or the Worker's full hands would make them queue after all.
  () => expectSmallOneSoon((ids) => ring(rig, ids)),
)
