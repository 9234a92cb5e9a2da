import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { CrashPoint } from '@chimera/contracts/crash-points'
import { AttemptOutcome } from '@chimera/contracts/task-result'
import { releaseLostLeases } from '@chimera/infra/database/sweeps/release-lost-leases'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'

import {
  countIn,
  noops,
  openWorkerRig,
  readyTasks,
  resultsOf,
  ring,
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

const children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
})

const DRILLS = 'tests/integration/worker-process.ts'
const MAIN = 'roles/worker/main.ts'

type Started = { child: ChildProcess; ready: Promise<void>; exited: Promise<unknown[]> }

/** A Worker as a process; `ready` when it says so in its log. */
function startProcess(file: string, env: Record<string, string> = {}): Started {
  const root = resolve(import.meta.dirname, '..', '..')
  const child = spawn(process.execPath, [join(root, file)], {
    cwd: root,
    env: {
      PATH: process.env['PATH'] ?? '',
      DATABASE_URL: rig.databaseUrl,
      REDIS_URL: inject('redisUrl'),
      TOOL_TOKEN: 'a token of the worker test',
      CONSUMER_NAME: 'worker-1',
      LEASE_MS: '15000',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const { promise: ready, resolve: say } = Promise.withResolvers<void>()
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (text.includes('"ready":true')) say()
  })
  return { child, ready, exited: once(child, 'exit') }
}

const running = (ids: readonly string[]) => countIn(rig.database, ids, 'running')
const judging = (ids: readonly string[]) => countIn(rig.database, ids, 'judging')

describe('a worker process', () => {
  test('starts from its environment, works, and ends with 0 when it is asked to', async () => {
    const { child, ready, exited } = startProcess(MAIN)
    await ready
    const ids = await readyTasks(rig.database, noops(50))
    await ring(rig, ids)
    expect(
      await until(
        () => judging(ids),
        (n) => n === 50,
      ),
    ).toBe(50)
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })

  test('refuses a task type that does not exist with exit code 78', async () => {
    const { exited } = startProcess(MAIN, { WORKER_TASK_TYPES: 'RESEARCH,DANCE' })
    expect(await exited).toEqual([78, null])
  })

  test('killed with a task in hand, it does it within 2 s of its return', async () => {
    const ids = await readyTasks(rig.database, [{ kind: 'noop', index: 1_300 }, ...noops(5)])
    const first = startProcess(DRILLS)
    await first.ready
    await ring(rig, ids)
    await until(
      () => judging(ids),
      (n) => n === 5,
    )
    expect(await running(ids)).toBe(1)
    first.child.kill('SIGKILL')
    await first.exited
    const second = startProcess(DRILLS)
    await second.ready
    expect(
      await until(
        () => judging(ids),
        (n) => n === 6,
        2_000,
      ),
    ).toBe(6)
    const results = await resultsOf(rig.database, ids)
    expect(results.map(({ attempt }) => attempt)).toEqual([2, 1, 1, 1, 1, 1])
  })

  test('stopped for longer than its lease, it loses its task to another', async () => {
    const ids = await readyTasks(rig.database, [{ kind: 'noop', index: 1_400 }])
    const sleeper = startProcess(DRILLS, { LEASE_MS: '300', CONSUMER_NAME: 'sleeper' })
    await sleeper.ready
    await ring(rig, ids)
    await until(
      () => running(ids),
      (n) => n === 1,
    )
    sleeper.child.kill('SIGSTOP')
    await until(
      () => releaseLostLeases(rig.database, { actor: 'keeper', limit: 10 }),
      ({ ready }) => ready.length === 1,
    )
    // Its blocking read may still swallow the doorbell; the heir finds it there when it is stale.
    await using heir = await rig.start({ consumerName: 'heir', leaseMs: 300 })
    await ring(rig, ids)
    expect(
      await until(
        () => judging(ids),
        (n) => n === 1,
      ),
    ).toBe(1)
    sleeper.child.kill('SIGCONT')
    await sleep(1_000)
    const results = await resultsOf(rig.database, ids)
    expect(results.map(({ attempt, worker }) => [attempt, worker])).toEqual([[2, 'heir']])
    heir.check()
  })

  test('a task that kills its worker is given up; those beside it are done', async () => {
    const ids = await readyTasks(rig.database, [{ kind: 'noop', index: 901 }, ...noops(20)])
    await ring(rig, ids)
    let deaths = 0
    for (; deaths < 12 && (await judging(ids)) < 21; deaths += 1) {
      const { child, exited } = startProcess(DRILLS)
      await Promise.race([
        exited,
        until(
          () => judging(ids),
          (n) => n === 21,
          8_000,
        ),
      ])
      child.kill('SIGKILL')
      await exited
    }
    expect(deaths).toBeLessThanOrEqual(6)
    const outcomes = await resultsOf(rig.database, ids)
    const [poison, ...others] = outcomes.map(({ outcome }) => AttemptOutcome.parse(outcome))
    expect(poison).toMatchObject({
      outcome: 'failure',
      kind: 'terminal',
      failure: { code: 'ATTEMPTS_EXHAUSTED' },
    })
    expect(others.filter(({ outcome }) => outcome === 'result')).toHaveLength(20)
    const [row] = await tasksOf(rig.database, ids)
    expect(row?.leases_lost).toBe(5)
  })
})

describe('crash points', () => {
  let stateDir: string
  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'worker-crash-'))
  })
  afterEach(() => rmSync(stateDir, { recursive: true, force: true }))

  const LABELS: readonly CrashPoint[] = [
    'worker.task.read',
    'worker.task.claimed',
    'worker.task.executed',
    'worker.result.committed',
    'worker.result.published',
    'worker.task.acknowledged',
  ]

  test.for(LABELS)('killed at %s, it does each task once', async (label) => {
    const env = {
      CHIMERA_STATE_DIR: stateDir,
      CHIMERA_CRASH_AT: label,
      CHIMERA_RUN_ID: 'worker-killed',
    }
    const ids = await readyTasks(rig.database, noops(5))
    await ring(rig, ids)
    const first = startProcess(DRILLS, env)
    expect(await Promise.race([first.exited, sleep(10_000)])).toEqual([null, 'SIGKILL'])
    expect(readFileSync(join(stateDir, 'crash-points.jsonl'), 'utf8')).toContain(label)
    startProcess(DRILLS, env)
    expect(
      await until(
        () => judging(ids),
        (n) => n === 5,
      ),
    ).toBe(5)
    expect(await resultsOf(rig.database, ids)).toHaveLength(5)
  })
})
