import { afterAll, beforeAll, expect } from 'vitest'

import { ended, eventually } from '../e2e/stack-rig.ts'
import { silence, type StandIn } from '../e2e/stand-in.ts'
import { startTestWorker } from '../e2e/test-worker/start-test-worker.ts'
import { control, guarantee } from '../guarantee.ts'
import { type FaultRig, openFaultRig, postGoals } from './fault-rig.ts'

const LEASE_MS = 2_000

let faults: FaultRig

beforeAll(async () => {
  faults = await openFaultRig({ LEASE_MS: String(LEASE_MS) })
  await faults.rig.misbehave({ duplicate_check: false })
  await silence(faults.rig, 'worker')
}, 120_000)
afterAll(async () => {
  await faults.rig.signal('worker', 'SIGCONT')
  await faults[Symbol.asyncDispose]()
})

const startWorker = (name: string, ...args: string[]): Promise<StandIn> =>
  startTestWorker(faults.rig, { name, args, leaseMs: LEASE_MS })

const tweetsOf = (id: string) =>
  faults.rig.tweets().filter(({ body }) => JSON.stringify(body).includes(`words of ${id}.`))

/** Whose lease a task of the goal is under, and for how long by the clock of the database. */
async function leaseOf(goalId: string): Promise<{ owner: string; leftMs: number } | undefined> {
  const [row] = await faults.record.query<{ owner: string; left_ms: number }>({
    text: `SELECT lease_owner AS owner,
        (extract(epoch FROM lease_until - clock_timestamp()) * 1000)::float8 AS left_ms
      FROM tasks WHERE goal_id = $1 AND lease_owner IS NOT NULL`,
    values: [goalId],
  })
  return row === undefined ? undefined : { owner: row.owner, leftMs: row.left_ms }
}

async function resultsOf(goalId: string): Promise<{ worker: string; attempt: number }[]> {
  return faults.record.query({
    text: `SELECT r.worker, r.attempt FROM task_results r JOIN tasks t ON t.id = r.task_id
      WHERE t.goal_id = $1 ORDER BY r.attempt`,
    values: [goalId],
  })
}

async function claimedBy(goalId: string, owner: string): Promise<void> {
  const check = async () => ((await leaseOf(goalId))?.owner === owner ? true : undefined)
  await eventually(check, 20_000, `${owner} claims ${goalId}`)
}

/** A worker falls asleep with a task in hand; another does it; then the sleeper wakes up. */
async function wakeAfterLease(id: string): Promise<void> {
  await using sleeper = await startWorker(`sleeper-${id}`, '--dwell-ms=700')
  await postGoals(faults, [{ id, text: `publish a tweet: words of ${id}.` }])
  await claimedBy(id, `sleeper-${id}`)
  sleeper.signal('SIGSTOP')
  const asleepAt = Date.now()
  {
    await using others = new AsyncDisposableStack()
    others.use(await startWorker(`other-${id}`))
    const goal = await ended(faults.rig, id, 40_000)
    expect(Date.now() - asleepAt).toBeGreaterThan(LEASE_MS / 2)
    expect(goal).toMatchObject({ status: 'COMPLETED', tasks: [{ attempt: 2 }] })
  }
  sleeper.signal('SIGCONT')
  // It goes on with what it had in hand, and then takes the next.
  const next = `next-${id}`
  await postGoals(faults, [{ id: next, text: `publish a tweet: words of ${next}.` }])
  await ended(faults.rig, next, 20_000)
  expect(await resultsOf(next)).toEqual([{ worker: `sleeper-${id}`, attempt: 1 }])
  expect(sleeper.isAlive()).toBe(true)
  expect(sleeper.starts()).toBe(1)
  expect(await resultsOf(id)).toEqual([{ worker: `other-${id}`, attempt: 2 }])
  expect(tweetsOf(id)).toHaveLength(1)
}

guarantee(
  {
    id: 'zombie-worker',
    title: 'a worker that wakes up after its lease commits nothing: one tweet',
    n: 1,
    seed: 0,
    timeoutMs: 90_000,
  },
  () => wakeAfterLease('zombie'),
)

control(
  {
    guard: 'the end of a lease',
    test: 'zombie-worker',
    expect: /not within .* goal endless ends/,
    timeoutMs: 90_000,
  },
  async () => {
    // The Keeper is who ends it.
    await faults.rig.signal('keeper', 'SIGSTOP')
    try {
      await wakeWithoutEnd('endless')
    } finally {
      await faults.rig.signal('keeper', 'SIGCONT')
    }
  },
)

async function wakeWithoutEnd(id: string): Promise<void> {
  await using sleeper = await startWorker(`sleeper-${id}`, '--dwell-ms=700')
  await postGoals(faults, [{ id, text: `publish a tweet: words of ${id}.` }])
  await claimedBy(id, `sleeper-${id}`)
  sleeper.signal('SIGSTOP')
  await using others = new AsyncDisposableStack()
  others.use(await startWorker(`other-${id}`))
  await ended(faults.rig, id, LEASE_MS + 3_000)
}

for (const [what, hours] of [
  ['ahead', 1],
  ['behind', -1],
] as const) {
  guarantee(
    {
      id: `lease-clock-${what}`,
      title: `the clock of a worker is an hour ${what}: its leases are the database's`,
      n: 1,
      seed: 0,
      timeoutMs: 60_000,
    },
    async () => {
      const offset = String(hours * 3_600_000)
      const id = `clock-${what}`
      const dwell = `--dwell-ms=${LEASE_MS + 1_000}`
      await using worker = await startWorker(id, `--clock-offset-ms=${offset}`, dwell)
      await postGoals(faults, [{ id, text: `publish a tweet: words of ${id}.` }])
      await claimedBy(id, id)
      const lease = await leaseOf(id)
      expect(lease?.leftMs).toBeGreaterThan(0)
      expect(lease?.leftMs).toBeLessThanOrEqual(LEASE_MS)
      const goal = await ended(faults.rig, id, 30_000)
      // Longer than a lease: it was renewed, and nobody took it.
      expect(goal).toMatchObject({ status: 'COMPLETED', tasks: [{ attempt: 1 }] })
      expect(await resultsOf(id)).toEqual([{ worker: id, attempt: 1 }])
      expect(tweetsOf(id)).toHaveLength(1)
      expect(worker.starts()).toBe(1)
    },
  )
}
