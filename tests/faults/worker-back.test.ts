import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, expect } from 'vitest'
import { z } from 'zod'

import { ended } from '../e2e/stack-rig.ts'
import { silence } from '../e2e/stand-in.ts'
import { startTestWorker } from '../e2e/test-worker/start-test-worker.ts'
import { control, guarantee } from '../guarantee.ts'
import { completions, type FaultRig, openFaultRig, postGoals } from './fault-rig.ts'

/** Long enough to tell whoever takes its own back from whoever waits for the end of a lease. */
const LEASE_MS = 5_000
/** What a worker that is back may take for what it had in hand. */
const BACK_WITHIN_MS = 2_000

let faults: FaultRig

beforeAll(async () => {
  faults = await openFaultRig({
    LEASE_MS: String(LEASE_MS),
    CHIMERA_CRASH_AT: 'worker.task.claimed',
  })
  await faults.rig.misbehave({ duplicate_check: false })
}, 120_000)
afterAll(async () => {
  await faults.rig.signal('worker', 'SIGCONT')
  await faults[Symbol.asyncDispose]()
})

const LogLine = z.looseObject({ time: z.iso.datetime() })

/** When each life of a worker was ready, by its own log. */
function readyTimes(log: string): number[] {
  return log
    .split('\n')
    .filter((line) => line.includes('"ready":true'))
    .map((line) => Date.parse(LogLine.parse(JSON.parse(line)).time))
}

const ownLog = (): string => readFileSync(join(faults.rig.stateDir, 'logs', 'worker.log'), 'utf8')

type Times = { result: number; attempt: number }

async function timesOf(goalId: string): Promise<Times> {
  const [row] = await faults.record.query<Times>({
    text: `SELECT (extract(epoch FROM result_at) * 1000)::float8 AS result, attempt
      FROM tasks WHERE goal_id = $1`,
    values: [goalId],
  })
  if (row === undefined) throw new Error(`${goalId} has no task`)
  return row
}

/** A worker dies with a task in hand; what is asked is when its next life has done it. */
async function expectBackInTime(id: string, text: string, log: () => string): Promise<void> {
  await postGoals(faults, [{ id, text }])
  await ended(faults.rig, id, 30_000)
  const [, back, ...more] = readyTimes(log())
  expect(more).toEqual([])
  const { result, attempt } = await timesOf(id)
  expect(attempt).toBe(2)
  expect(result - (back ?? 0)).toBeLessThan(BACK_WITHIN_MS)
  expect(await completions(faults, id)).toEqual({ '1': 1 })
}

guarantee(
  {
    id: 'worker-back',
    title: 'what a worker had claimed when it was killed is done within 2 s after it is back',
    n: 1,
    seed: 0,
    timeoutMs: 60_000,
  },
  async () => {
    await expectBackInTime('claimed', 'generic: claimed by a worker that dies', ownLog)
    expect(faults.rig.crashes()).toMatchObject([{ label: 'worker.task.claimed' }])
  },
)

control(
  {
    guard: "the look at the last life's leases",
    test: 'worker-back',
    expect: /to be less than 2000/,
    timeoutMs: 60_000,
  },
  async () => {
    const name = 'forgetful'
    await silence(faults.rig, 'worker')
    await using worker = await startTestWorker(faults.rig, {
      name,
      args: ['--without-take-back'],
      // Longer still: what it takes to start again must be no part of it, on any machine.
      leaseMs: 8_000,
      crashAt: 'worker.task.claimed',
    })
    await expectBackInTime(name, `publish a tweet: words of ${name}.`, worker.log)
  },
)
