import { setTimeout as sleep } from 'node:timers/promises'

import { RetryableError, TerminalError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'
import { STREAMS } from '@chimera/contracts/streams'
import { AttemptOutcome } from '@chimera/contracts/task-result'
import type { Database } from '@chimera/infra/database/open-database'
import { registerExecutors } from '@chimera/worker/executors/executor'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'

import { seenThrough } from '../faults/model/without.ts'
import {
  countIn,
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
  type WorkerRig,
} from './worker-rig.ts'

let rig: WorkerRig
beforeAll(async () => {
  rig = await openWorkerRig()
})
afterAll(() => rig[Symbol.asyncDispose]())
beforeEach(() => rig.redis.client.flushall())

/** The index of a drill, by which a test says what is to be done to it. */
const indexOf = (payload: { kind: string; index?: number }): number => payload.index ?? 0

const outcomesOf = async (ids: readonly string[]) =>
  (await resultsOf(rig.database, ids)).map(({ outcome }) => AttemptOutcome.parse(outcome))

/** The ids that the Judge was rung for. */
async function rungFor(): Promise<unknown[]> {
  const entries = await rig.redis.client.xrange('chimera:results', '-', '+')
  return entries.map(([, fields]) => {
    const at = fields.indexOf(STREAMS['chimera:results'].field)
    return JSON.parse(fields[at + 1] ?? 'null') as unknown
  })
}

describe('tasks in hand', () => {
  test('a slow task holds up nobody in its batch and keeps its lease', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const executors = drills(async ({ payload }) => {
      if (indexOf(payload) === 0) await released
      return NOTHING
    })
    const ids = await readyTasks(rig.database, noops(100))
    await ring(rig, ids)
    await using worker = await rig.start({ executors, leaseMs: 400 })
    expect(
      await until(
        () => countIn(rig.database, ids, 'judging'),
        (n) => n === 99,
      ),
    ).toBe(99)
    await sleep(1_200)
    const swept = await sweepLeases(rig.database)
    expect(swept.ready).toEqual([])
    release()
    expect(
      await until(
        () => countIn(rig.database, ids, 'judging'),
        (n) => n === 100,
      ),
    ).toBe(100)
    expect(await until(rungFor, (rings) => rings.length === 100)).toContainEqual({
      look_at: 'task',
      id: ids[0],
    })
    worker.check()
  })

  test('a task that always fails ends after five tries and spoils no other', async () => {
    const executors = drills(({ payload }) => {
      if (indexOf(payload) === 3) throw new TypeError('the executor has a defect')
      return NOTHING
    })
    const ids = await readyTasks(rig.database, noops(10))
    await using worker = await rig.start({ executors })
    // The Keeper would ring again when `run_at` has come; here it is now, because nothing is
    // random.
    const inReview = await until(
      async () => {
        await ring(rig, ids)
        await sleep(50)
        return countIn(rig.database, ids, 'judging')
      },
      (n) => n === 10,
    )
    expect(inReview).toBe(10)
    const outcomes = await outcomesOf(ids)
    expect(outcomes.filter(({ outcome }) => outcome === 'result')).toHaveLength(9)
    expect(outcomes[3]).toMatchObject({
      outcome: 'failure',
      kind: 'terminal',
      failure: { code: 'ATTEMPTS_EXHAUSTED' },
    })
    expect(JSON.stringify(outcomes[3])).toContain('the executor has a defect')
    const [row] = await tasksOf(rig.database, ids.slice(3, 4))
    expect(row).toMatchObject({ attempt: 5, retries: 4 })
    worker.check()
  })

  test('errors end as what they are; a cooldown spends no retry', async () => {
    const executors = drills(({ payload }) => {
      switch (indexOf(payload)) {
        case 0:
          throw new RetryableError('UNAVAILABLE', 'the exchange is away', { retryAfterMs: 60_000 })
        case 1:
          throw new RetryableError('COOLDOWN_ACTIVE', 'too soon', { retryAfterMs: 60_000 })
        case 2:
          throw new TerminalError('INPUT_INVALID', 'there is no such symbol')
        default:
          return NOTHING
      }
    })
    const ids = await readyTasks(rig.database, noops(3))
    await ring(rig, ids)
    await using worker = await rig.start({ executors })
    const rows = await until(
      () => tasksOf(rig.database, ids),
      (all) => all.every(({ phase, attempt }) => phase !== 'running' && attempt === 1),
    )
    expect(rows).toMatchObject([
      { phase: 'ready', retries: 1, waiting_on: { until: expect.any(String) } },
      { phase: 'ready', retries: 0 },
      { phase: 'judging' },
    ])
    const dueInMs = (rows[0]?.run_at?.getTime() ?? 0) - Date.now()
    expect(dueInMs).toBeGreaterThan(50_000)
    expect(await outcomesOf(ids)).toMatchObject([
      { outcome: 'failure', kind: 'terminal', failure: { code: 'INPUT_INVALID' } },
    ])
    worker.check()
  })

  test('an executor that does not end is ended at its time-out', async () => {
    const executors = drills(() => new Promise(() => undefined), { timeoutMs: 50 })
    const ids = await readyTasks(rig.database, noops(1))
    await ring(rig, ids)
    await using worker = await rig.start({ executors })
    const [row] = await until(
      () => tasksOf(rig.database, ids),
      ([task]) => task?.retries === 1,
    )
    expect(row).toMatchObject({ phase: 'ready', retries: 1 })
    expect(JSON.stringify(row?.waiting_on)).toContain('did not end within 50 ms')
    worker.check()
  })

  test('a result that the record cannot take fails alone', async () => {
    const content = ['fine', 'a \u0000 byte', '\ud800', 'x'.repeat(300_000)]
    const executors = drills(({ payload }) => ({
      ...NOTHING,
      artifacts: [
        { name: 'text', media_type: 'text/plain', content: content[indexOf(payload)] ?? '' },
      ],
    }))
    const ids = await readyTasks(rig.database, noops(4))
    await ring(rig, ids)
    await using worker = await rig.start({ executors })
    expect(
      await until(
        () => countIn(rig.database, ids, 'judging'),
        (n) => n === 4,
      ),
    ).toBe(4)
    const invalid = { outcome: 'failure', failure: { code: 'INPUT_INVALID' } }
    expect(await outcomesOf(ids)).toMatchObject([{ outcome: 'result' }, invalid, invalid, invalid])
    worker.check()
  })

  test('a result that the database refuses fails alone, and nothing keeps its lease', async () => {
    const executors = drills(({ payload }) => ({
      ...NOTHING,
      artifacts: [{ name: 'n', media_type: 'text/plain', content: `no-${indexOf(payload)}!` }],
    }))
    const refusing = (marks: readonly string[]): Database =>
      seenThrough(rig.database, {
        ask: (statement) => {
          const text = JSON.stringify(statement.values)
          if (statement.name !== 'commit-results') return statement
          if (marks.some((mark) => text.includes(mark))) throw new Error('refused')
          return statement
        },
      })
    const ids = await readyTasks(rig.database, noops(20))
    await using worker = await rig.start({ executors, database: refusing(['no-7!']) })
    await ring(rig, ids)
    expect(
      await until(
        () => countIn(rig.database, ids, 'judging'),
        (n) => n === 20,
      ),
    ).toBe(20)
    const outcomes = await outcomesOf(ids)
    expect(outcomes.map(({ outcome }) => outcome).filter((o) => o === 'failure')).toHaveLength(1)
    expect(outcomes[7]).toMatchObject({ failure: { code: 'INPUT_INVALID' } })
    worker.check()

    const [stuck = ''] = await readyTasks(rig.database, noops(1))
    await worker[Symbol.asyncDispose]()
    const database = refusing(['no-0!', 'could not take'])
    await using other = await rig.start({ executors, database, leaseMs: 300 })
    await ring(rig, [stuck])
    const swept = await until(
      () => sweepLeases(rig.database),
      ({ ready }) => ready.length > 0,
    )
    expect(swept.ready.map(({ id }) => id)).toEqual([stuck])
    await vi.waitFor(() => other.check())
  })

  test('a kind without an executor fails with a clear reason', async () => {
    const ids = await readyTasks(rig.database, noops(1))
    await ring(rig, ids)
    await using worker = await rig.start({ executors: registerExecutors([]) })
    await until(
      () => countIn(rig.database, ids, 'judging'),
      (n) => n === 1,
    )
    expect(await outcomesOf(ids)).toMatchObject([{ failure: { code: 'EXECUTOR_MISSING' } }])
    worker.check()
  })
})

describe('stop and start', () => {
  test('a worker that stops hands back what does not end, and rings for it', async () => {
    const executors = drills(() => new Promise(() => undefined))
    const ids = await readyTasks(rig.database, noops(2))
    await ring(rig, ids)
    {
      await using worker = await rig.start({ executors })
      await until(
        () => countIn(rig.database, ids, 'running'),
        (n) => n === 2,
      )
      worker.check()
    }
    expect(await tasksOf(rig.database, ids)).toMatchObject(
      ids.map(() => ({ phase: 'ready', retries: 0, leases_lost: 0, run_at: null })),
    )
    await using next = await rig.start()
    expect(
      await until(
        () => countIn(rig.database, ids, 'judging'),
        (n) => n === 2,
      ),
    ).toBe(2)
    await vi.waitFor(() => next.check())
  })

  test('what a dead consumer had in hand is done in its next life, without a bell', async () => {
    const ids = await readyTasks(rig.database, noops(3))
    await rig.database.query({
      text: `UPDATE tasks SET status = 'IN_PROGRESS', phase = 'running', attempt = 1,
          lease_owner = 'worker-7', lease_until = now() + interval '1 hour'
        WHERE id = ANY ($1::uuid[])`,
      values: [ids],
    })
    await using other = await rig.start({ consumerName: 'worker-8' })
    await sleep(200)
    expect(await countIn(rig.database, ids, 'running')).toBe(3)
    await using again = await rig.start({ consumerName: 'worker-7' })
    const rows = await until(
      () => tasksOf(rig.database, ids),
      (all) => all.every(({ phase }) => phase === 'judging'),
      2_000,
    )
    expect(rows).toMatchObject(
      ids.map(() => ({ phase: 'judging', attempt: 2, leases_lost: 1, lease_owner: null })),
    )
    await vi.waitFor(() => again.check())
    await vi.waitFor(() => other.check())
  })
})

describe('entries that anyone could have added', () => {
  test('forged, foreign and broken entries are dead letters; the true one is done', async () => {
    const [mine = '', foreign = ''] = await readyTasks(rig.database, noops(2))
    const unknown = newId()
    await ring(rig, [mine, unknown])
    await ring(rig, [foreign], { tenant: newId() })
    await rig.redis.client.xadd('chimera:tasks:RESEARCH', '*', 'task', '{')
    await rig.redis.client.xadd('chimera:tasks:RESEARCH', '*', 'other', '1')
    await rig.redis.client.xadd('chimera:tasks:RESEARCH', '*', 'task', '{"task_id": 7}')
    await using worker = await rig.start()
    const letters = await until(
      () =>
        rig.database.query<{ code: string; reason: string }>({
          text: 'SELECT code, reason FROM dead_letters ORDER BY code, reason',
        }),
      (rows) => rows.length === 5,
    )
    expect(letters.map(({ code }) => code)).toEqual([
      'ENTRY_MALFORMED',
      'ENTRY_MALFORMED',
      'ENTRY_MALFORMED',
      'TASK_NOT_FOUND',
      'TENANT_FORBIDDEN',
    ])
    expect(JSON.stringify(letters)).toContain(unknown)
    expect(
      await until(
        () => countIn(rig.database, [mine], 'judging'),
        (n) => n === 1,
      ),
    ).toBe(1)
    expect(await tasksOf(rig.database, [foreign])).toMatchObject([{ phase: 'ready', attempt: 0 }])
    worker.check()
  })

  test('a worker runs the row and not what the entry says', async () => {
    const seen: unknown[] = []
    const executors = drills(({ payload }) => {
      seen.push(payload)
      return NOTHING
    })
    const [id = ''] = await readyTasks(rig.database, noops(1))
    const forged = { kind: 'noop', index: 999 }
    await rig.publisher.publish([
      {
        stream: 'chimera:tasks:RESEARCH',
        payload: { task_id: id, type: 'RESEARCH', payload: forged, status: 'PENDING' },
      },
    ])
    await using worker = await rig.start({ executors })
    await until(
      () => seen.length,
      (n) => n > 0,
    )
    expect(seen).toEqual([{ kind: 'noop', index: 0 }])
    worker.check()
  })
})
