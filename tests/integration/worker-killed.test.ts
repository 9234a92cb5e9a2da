import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { CrashPoint } from '@chimera/contracts/crash-points'
import { newId } from '@chimera/contracts/ids'
import { AttemptOutcome } from '@chimera/contracts/task-result'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'

import { urlAs } from '../fresh-database.ts'
import { DRILLS, MAIN, openWorkerProcesses, TOOL_TOKEN, type Started } from './worker-processes.ts'
import {
  countIn,
  noops,
  openWorkerRig,
  readyTasks,
  resultsOf,
  ring,
  sweepLeases,
  tasksOf,
  until,
  type WorkerRig,
} from './worker-rig.ts'
import {
  grantedEffect,
  openAccount,
  openToolServerDouble,
  publishGrant,
  receiptsOf,
  TWEET,
  type Answer,
} from './worker-tool-server.ts'

let rig: WorkerRig
beforeAll(async () => {
  rig = await openWorkerRig()
})
afterAll(() => rig[Symbol.asyncDispose]())
beforeEach(() => rig.redis.client.flushall())

const processes = openWorkerProcesses()
afterEach(() => processes.killAll())

const startProcess = (file: string, env: Record<string, string> = {}): Started =>
  processes.start(file, { DATABASE_URL: urlAs('chimera_swarm', rig.databaseUrl), ...env })

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
    const ids = await readyTasks(rig.database, [{ kind: 'noop', index: 1_600 }, ...noops(5)])
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
      () => sweepLeases(rig.database),
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
    await vi.waitFor(() => heir.check())
  })

  test('a task that kills its worker is given up; those beside it are done', async () => {
    const ids = await readyTasks(rig.database, [{ kind: 'noop', index: 901 }, ...noops(20)])
    let deaths = 0
    for (; deaths < 12 && (await judging(ids)) < 21; deaths += 1) {
      // As the Keeper does for what was put back and not taken again before the next death.
      await ring(rig, ids)
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

  /** Runs a worker until it dies at the label, proves that it did, and starts it again. */
  const dieAt = async (label: CrashPoint, file: string): Promise<void> => {
    const env = {
      CHIMERA_STATE_DIR: stateDir,
      CHIMERA_CRASH_AT: label,
      CHIMERA_RUN_ID: 'worker-killed',
    }
    const { exited } = startProcess(file, env)
    expect(await Promise.race([exited, sleep(10_000)])).toEqual([null, 'SIGKILL'])
    expect(readFileSync(join(stateDir, 'crash-points.jsonl'), 'utf8')).toContain(label)
    startProcess(file, env)
  }

  const OF_TASKS: readonly CrashPoint[] = [
    'worker.task.read',
    'worker.task.claimed',
    'worker.task.executed',
    'worker.result.committed',
    'worker.result.published',
    'worker.task.acknowledged',
  ]
  test.for(OF_TASKS)('killed at %s, it does each task once', async (label) => {
    const ids = await readyTasks(rig.database, noops(5))
    await ring(rig, ids)
    await dieAt(label, DRILLS)
    expect(
      await until(
        () => judging(ids),
        (n) => n === 5,
      ),
    ).toBe(5)
    expect(await resultsOf(rig.database, ids)).toHaveLength(5)
  })

  const OF_GRANTS: readonly CrashPoint[] = [
    'worker.grant.read',
    'worker.grant.before_call',
    'worker.grant.called',
    'worker.receipt.committed',
    'worker.receipt.published',
    'worker.grant.acknowledged',
  ]
  test.for(OF_GRANTS)('killed at %s, the receipt is in the record after all', async (label) => {
    const answer: Answer = ({ context }) => ({ receipt: `receipt of ${context.grant}` })
    await using server = await openToolServerDouble({ answer, token: TOOL_TOKEN })
    const account = `x:${newId()}`
    await openAccount(rig.database, { ...server, account })
    const grantId = await grantedEffect(rig.database, { account })
    await publishGrant(rig, grantId)
    await dieAt(label, MAIN)
    const receipts = await until(
      () => receiptsOf(rig.database, grantId),
      (rows) => rows.length > 0,
    )
    expect(new Set(receipts.map(({ jws }) => jws))).toEqual(
      new Set([`receipt of grant of ${grantId}`]),
    )
    // Carried again or not: it is always the very same grant with the very same arguments.
    for (const { args, context } of server.calls) {
      expect({ args, grant: context.grant }).toEqual({ args: TWEET, grant: `grant of ${grantId}` })
    }
  })
})
