import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

import { openDatabase } from '@chimera/infra/database/open-database'
import { openDutyLocks } from '@chimera/infra/database/sweeps/open-duty-locks'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { openToolControl } from '@chimera/infra/tools/tool-control'
import { doorbellDuty } from '@chimera/keeper/doorbells/doorbell-duty'
import { openKeeper, type Keeper } from '@chimera/keeper/open-keeper'
import { openLog } from '@chimera/runtime/log'
import { openMetrics } from '@chimera/runtime/metrics'
import { afterAll, beforeAll, expect } from 'vitest'

import { eventually } from '../e2e/stack-rig.ts'
import { control, guarantee, sampleSize } from '../guarantee.ts'
import {
  allCompleted,
  completions,
  type FaultRig,
  goalCounts,
  openFaultRig,
  postGoals,
} from './fault-rig.ts'

let faults: FaultRig

beforeAll(async () => {
  faults = await openFaultRig()
}, 120_000)
afterAll(() => faults[Symbol.asyncDispose]())

const generic = (prefix: string, n: number) =>
  Array.from({ length: n }, (_, at) => ({ id: `${prefix}${at}`, text: `generic: ${prefix} ${at}` }))

/** Goals that are accepted while nobody plans, and then all of Redis is lost. */
async function loseAllAfterAccepting(prefix: string, n: number, withinMs: number): Promise<void> {
  const { rig } = faults
  await rig.signal('planner', 'SIGSTOP')
  let flushedAt = 0
  try {
    const posted = await postGoals(faults, generic(prefix, n))
    expect([...posted.values()].filter((status) => status !== 'RECEIVED')).toEqual([])
    expect(posted.size).toBe(n)
    await (await rig.redis()).flushall()
    flushedAt = Date.now()
  } finally {
    await rig.signal('planner', 'SIGCONT')
  }
  await allCompleted(faults, { prefix, n, withinMs: withinMs - (Date.now() - flushedAt) })
}

guarantee(
  {
    id: 'redis-flushed',
    title: 'goals that read RECEIVED finish within 30 s of FLUSHALL, each once',
    n: 200,
    seed: 0,
  },
  async ({ n }) => {
    await loseAllAfterAccepting('flushed-', n, 30_000)
    expect(await completions(faults, 'flushed-')).toEqual({ '1': n })
  },
)

control(
  { guard: "the Keeper's sweep", test: 'redis-flushed', expect: /not within .* 5 goals deaf-/ },
  async () => {
    const { rig } = faults
    await rig.signal('keeper', 'SIGSTOP')
    try {
      await loseAllAfterAccepting('deaf-', 5, 5_000)
    } finally {
      await rig.signal('keeper', 'SIGCONT')
    }
  },
)

guarantee(
  {
    id: 'redis-killed',
    title: 'Redis is killed while goals are worked on; all finish once',
    n: sampleSize({ ci: 60, full: 1_000 }),
    seed: 0,
  },
  async ({ n }) => {
    const redis = await faults.rig.redis()
    // That it loses its server is what this is about.
    redis.on('error', () => undefined)
    const pid = Number(/^process_id:(\d+)/m.exec(await redis.info('server'))?.[1])
    const goals = generic('killed-', n)
    await postGoals(faults, goals.slice(0, n / 2))
    process.kill(pid, 'SIGKILL')
    await postGoals(faults, goals.slice(n / 2))
    await allCompleted(faults, { prefix: 'killed-', n, withinMs: 40_000 })
    expect(await completions(faults, 'killed-')).toEqual({ '1': n })
    const next = Number(/^process_id:(\d+)/m.exec(await redis.info('server'))?.[1])
    expect(next).not.toBe(pid)
  },
)

const TASKS_PER_GOAL = 500
/** Tasks count as late after 2 s of quiet; the Keeper looks every second. */
const SWEEPS_MS = 5_000
/** Long enough for the doorbells of a plan, and shorter than any task's way to being late. */
const PUBLISHED_MS = 500
/**
 * A tenant's further tasks wait for their turn in the record: it has 500 doorbells out, and the
 * Planner does not ask whether up to 50 of before were heard.
 */
const RUNG_AT_ONCE = 450
const STREAM = 'chimera:tasks:RESEARCH'

/** Entries ever added to the stream since it was made: trimming does not lower it. */
async function entriesAdded(): Promise<number> {
  const reply: unknown = await (await faults.rig.redis()).call('XINFO', 'STREAM', STREAM)
  const fields: unknown[] = Array.isArray(reply) ? reply : []
  return Number(fields[fields.indexOf('entries-added') + 1])
}

/** Tasks wait for a worker that sleeps, and sweeps go by: nobody publishes any of them again. */
async function expectNoSecondPublication(prefix: string, n: number): Promise<void> {
  const { rig } = faults
  const count = n / TASKS_PER_GOAL
  const before = await entriesAdded()
  await rig.signal('worker', 'SIGSTOP')
  try {
    const goals = Array.from({ length: count }, (_, at) => ({
      id: `${prefix}${at}`,
      text: `noop ${TASKS_PER_GOAL}`,
    }))
    await postGoals(faults, goals)
    const check = async () => {
      const { RECEIVED = 0, PLANNED = 0, ACTIVE = 0 } = await goalCounts(faults, prefix)
      return RECEIVED === 0 && PLANNED + ACTIVE === count ? true : undefined
    }
    await eventually(check, 60_000, 'all goals are planned')
    const added = async () => (await entriesAdded()) - before
    const rung = async () => ((await added()) >= Math.min(n, RUNG_AT_ONCE) ? true : undefined)
    await eventually(rung, 20_000, 'what is not left to its turn is rung for')
    // A plan is seen before its doorbells are.
    await sleep(PUBLISHED_MS)
    const first = await added()
    await sleep(SWEEPS_MS)
    expect(await added(), 'published').toBe(first)
  } finally {
    await rig.signal('worker', 'SIGCONT')
  }
  await allCompleted(faults, { prefix, n: count, withinMs: 180_000 })
  expect(await completions(faults, prefix)).toEqual({ '1': n })
}

guarantee(
  {
    id: 'long-queue',
    title: 'queued tasks are not published again by the sweep, and are done once',
    n: sampleSize({ ci: 2_000, full: 20_000 }),
    seed: 0,
    timeoutMs: 300_000,
  },
  ({ n }) => expectNoSecondPublication('queued-', n),
)

control(
  {
    guard: 'the look at lag and pending',
    test: 'long-queue',
    expect: /published: expected \d+ to be \d+/,
  },
  async () => {
    await using others = new AsyncDisposableStack()
    others.use(await standInForKeeper())
    await expectNoSecondPublication('nagged-', TASKS_PER_GOAL)
  },
)

/** The Keeper's duty of ringing, to whom every stream is quiet, in the place of the stack's own. */
async function standInForKeeper(): Promise<Keeper> {
  await using stack = new AsyncDisposableStack()
  const { rig, record } = faults
  const { urls } = await rig.report()
  await rig.signal('keeper', 'SIGSTOP')
  stack.defer(() => rig.signal('keeper', 'SIGCONT'))
  // Its locks end with its connections.
  await record.query({
    text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'chimera-keeper%'`,
  })
  const log = openLog({ name: 'test', level: 'silent' })
  const redis = stack.use(await openRedis({ url: urls.redis, name: 'test', log }))
  const { keyFiles } = stateDirPaths(rig.stateDir)
  const url = readFileSync(keyFiles.swarmDatabaseUrl, 'utf8').trim()
  const own = { url, name: 'keeper', log, role: 'chimera_swarm' } as const
  const keeper = stack.use(
    openKeeper({
      database: stack.use(openDatabase(own)),
      redis,
      publisher: openPublisher({ redis, source: 'keeper' }),
      openLocks: (duties) => openDutyLocks({ url, duties, log }),
      memory: { remember: () => Promise.reject(new Error('nothing is remembered here')) },
      openControl: (server) => openToolControl({ ...server, token: 'of-no-use' }),
      sweepMs: 300,
      tasks: openMetrics().tasks,
      actor: 'nagging-keeper',
      log,
      crash: Object.assign(() => {}, { isArmed: false }),
      compose: (deps) => [
        doorbellDuty(deps, {
          quiet: { note: (states) => states.map(({ name }) => name), forget: () => {} },
        }),
      ],
    }),
  )
  await eventually(() => keeper.leads().includes('doorbells') || undefined, 10_000, 'it leads')
  const open = stack.move()
  return { ...keeper, [Symbol.asyncDispose]: () => open.disposeAsync() }
}
