import { newId } from '@chimera/contracts/ids'
import { inState } from '@chimera/infra/database/in-state'
import type { Database } from '@chimera/infra/database/open-database'
import { claimTasks, type ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'
import { commitResults, type FinishedTask } from '@chimera/infra/database/tasks/commit-results'
import { releaseTasks } from '@chimera/infra/database/tasks/release-tasks'
import { renewLeases } from '@chimera/infra/database/tasks/renew-leases'
import { inspectStreams } from '@chimera/infra/streams/inspect'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import {
  drills,
  noops,
  NOTHING,
  openWorkerRig,
  readyTasks,
  resultsOf,
  ring,
  sweepLeases,
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

const LEASE_MS = 15_000

/** How long leases last that are meant to run out: two renewals of a slow machine. */
const SHORT_MS = 100

const claim = async (
  database: Database,
  ids: readonly string[],
  worker: string,
  leaseMs = LEASE_MS,
) => (await claimTasks(database, { rings: ids.map((id) => ({ id })), worker, leaseMs })).tasks

const finished = ({ id, versionId }: ClaimedTask): FinishedTask => ({
  id,
  versionId,
  outcome: { outcome: 'result', result: NOTHING },
  inputHash: 'a'.repeat(64),
  outputHash: 'b'.repeat(64),
})

const sleepByDatabase = (ms: number): Promise<unknown> =>
  rig.database.query({ text: 'SELECT pg_sleep($1)', values: [ms / 1_000] })

/** Ten Workers that all hear of every task, twice. */
async function raceForTasks(n: number, change?: (text: string) => string): Promise<void> {
  const runs = new Map<string, number>()
  const executors = drills(({ task }) => {
    runs.set(task.id, (runs.get(task.id) ?? 0) + 1)
    return NOTHING
  })
  const ids = await readyTasks(rig.database, noops(n))
  const database = change ? withStatement(rig.database, 'claim-tasks', change) : rig.database
  await using stack = new AsyncDisposableStack()
  for (let at = 0; at < 10; at += 1) stack.use(await rig.start({ executors, database }))
  const doorbells = Array.from({ length: 4 }, () => ids.toReversed())
  await ring(rig, [...ids, ...doorbells.flat()])
  await until(
    () => tasksOf(rig.database, ids),
    (rows) => rows.every(({ phase }) => phase === 'judging'),
  )
  // Late duplicates, as after a crash between commit and acknowledgement.
  await ring(rig, ids)
  await until(async () => {
    const [state] = await inspectStreams({ redis: rig.redis, streams: ['chimera:tasks:RESEARCH'] })
    return state?.lag === 0 && state.pending === 0
  }, Boolean)
  await until(
    () => tasksOf(rig.database, ids),
    (rows) => rows.every(({ phase }) => phase === 'judging'),
  )
  expect([...runs.values()].filter((times) => times !== 1)).toEqual([])
  expect(runs.size).toBe(n)
  const results = await resultsOf(rig.database, ids)
  expect(results.map(({ task_id }) => task_id)).toEqual(ids)
}

describe('claims', () => {
  guarantee(
    { id: 'claim-once', title: 'ten racing workers run each task once', n: 200, seed: 1 },
    ({ n }) => raceForTasks(n),
  )
  control(
    { guard: 'the phase in the claim', test: 'claim-once', expect: /to deeply equal \[\]/ },
    () =>
      raceForTasks(40, (text) => text.replace(inState('t.phase', 'ready'), "t.phase <> 'blocked'")),
  )

  test('two claims of one batch at the same moment share it without overlap', async () => {
    const ids = await readyTasks(rig.database, noops(100))
    const shares = await Promise.all(
      ['a', 'b', 'c'].map((worker) => claim(rig.database, ids, worker)),
    )
    expect(
      shares
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(ids.toSorted())
  })

  test('a claim skips what is not due and what belongs to a goal that is paused', async () => {
    const [later = '', now = ''] = await readyTasks(rig.database, noops(2))
    const [paused = ''] = await readyTasks(rig.database, noops(1), { goalId: 'paused-goal' })
    await rig.database.query({
      text: `UPDATE tasks SET run_at = now() + interval '1 hour' WHERE id = $1`,
      values: [later],
    })
    await rig.database.query({
      text: `UPDATE goals SET status = 'PAUSED', paused_from = 'ACTIVE' WHERE id = 'paused-goal'`,
    })
    const tasks = await claim(rig.database, [later, now, paused, newId()], 'a')
    expect(tasks.map(({ id }) => id)).toEqual([now])
  })

  test('a claim writes the audit entry that its rows name', async () => {
    const ids = await readyTasks(rig.database, noops(3))
    await claim(rig.database, ids, 'auditor')
    const entries = await rig.database.query<{ actor: string; items: unknown[] }>({
      text: `SELECT DISTINCT a.actor, a.items FROM audit_entries a
        JOIN tasks t ON t.audit_id = a.id WHERE t.id = ANY ($1::uuid[])`,
      values: [ids],
    })
    expect(entries).toEqual([
      {
        actor: 'auditor',
        items: ids
          .toSorted()
          .map((id) => ({ subject: 'task', id, attempt: 1, from: 'ready', to: 'running' })),
      },
    ])
  })
})

/**
 * A Worker sleeps past its lease, another one takes the task over, the first wakes up and
 * commits.
 */
async function commitLate(change?: (text: string) => string): Promise<void> {
  const database = change ? withStatement(rig.database, 'commit-results', change) : rig.database
  const ids = await readyTasks(rig.database, noops(1))
  const [slept] = await claim(rig.database, ids, 'sleeper', SHORT_MS)
  if (slept === undefined) throw new Error('The task was not claimed.')
  await sleepByDatabase(2 * SHORT_MS)
  const swept = await sweepLeases(rig.database)
  expect(swept.ready.map(({ id }) => id)).toContain(slept.id)
  const [taken] = await claim(rig.database, ids, 'heir')
  if (taken === undefined) throw new Error('The task was not claimed again.')
  const late = await commitResults(database, { tasks: [finished(slept)], worker: 'sleeper' })
  const inTime = await commitResults(database, { tasks: [finished(taken)], worker: 'heir' })
  expect({ late: [...late.committed], inTime: [...inTime.committed] }).toEqual({
    late: [],
    inTime: ids,
  })
  const results = await resultsOf(rig.database, ids)
  expect(results.map(({ attempt, worker }) => [attempt, worker])).toEqual([[2, 'heir']])
}

describe('leases', () => {
  guarantee(
    {
      id: 'late-commit',
      title: 'who slept past its lease commits nothing',
      n: 1,
      seed: 1,
    },
    () => commitLate(),
  )
  control(
    { guard: 'the version and owner at the commit', test: 'late-commit', expect: /late/ },
    () =>
      commitLate((text) =>
        text.replace('AND t.version_id = u.version_id', '').replace('AND t.lease_owner = $1', ''),
      ),
  )

  test('a lease is counted by the clock of the database', async () => {
    const ids = await readyTasks(rig.database, noops(1))
    await claim(rig.database, ids, 'a', 60_000)
    const [row] = await rig.database.query<{ left_ms: number }>({
      text: `SELECT extract(epoch FROM lease_until - now())::float8 * 1000 AS left_ms
        FROM tasks WHERE id = $1`,
      values: ids,
    })
    expect(row?.left_ms).toBeGreaterThan(50_000)
    expect(row?.left_ms).toBeLessThanOrEqual(60_000)
    expect(await sweepLeases(rig.database)).toMatchObject({
      ready: [],
    })
  })

  test('a renewal keeps a lease alive and tells what is lost', async () => {
    const ids = await readyTasks(rig.database, noops(2))
    const tasks = await claim(rig.database, ids, 'a', SHORT_MS)
    await rig.database.query({
      text: `UPDATE tasks SET version_id = gen_random_uuid() WHERE id = $1`,
      values: [ids[0]],
    })
    const mine = await renewLeases(rig.database, { tasks, worker: 'a', leaseMs: LEASE_MS })
    expect([...mine]).toEqual([ids[1]])
    await sleepByDatabase(2 * SHORT_MS)
    const { ready } = await sweepLeases(rig.database)
    expect(ready.map(({ id }) => id)).toEqual([ids[0]])
    const task = tasks.find(({ id }) => id === ids[1])
    if (task === undefined) throw new Error('The task was not claimed.')
    const { committed } = await commitResults(rig.database, {
      tasks: [finished(task)],
      worker: 'a',
    })
    expect([...committed]).toEqual([ids[1]])
  })

  test('a task that goes back says until when, and spends what it has to', async () => {
    const ids = await readyTasks(rig.database, noops(2))
    const tasks = await claim(rig.database, ids, 'a')
    await releaseTasks(rig.database, {
      worker: 'a',
      tasks: tasks.map((task, at) =>
        at === 0
          ? { ...task, delayMs: 60_000, spendsRetry: true, reason: 'the exchange is away' }
          : { ...task, spendsRetry: false, reason: 'handed back' },
      ),
    })
    const rows = await tasksOf(
      rig.database,
      tasks.map(({ id }) => id),
    )
    expect(rows).toMatchObject([
      {
        phase: 'ready',
        retries: 1,
        lease_owner: null,
        waiting_on: {
          reason: 'the exchange is away',
          until: rows[0]?.run_at?.toISOString(),
          unblock: null,
        },
      },
      { phase: 'ready', retries: 0, run_at: null, waiting_on: null },
    ])
  })
})
