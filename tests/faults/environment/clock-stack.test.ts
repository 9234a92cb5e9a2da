import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

import { openDatabase } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, expect } from 'vitest'

import { ended, eventually, logs } from '../../e2e/stack-rig.ts'
import { type Random, sampleSize } from '../../guarantee.ts'
import { findPids, signalAll } from '../storm/process-table.ts'
import { openStormRig, type StormRig } from '../storm/storm-rig.ts'
import { planGoals } from '../storm/workload.ts'
import { findFaketime, type MovedClock, openMovedClock } from './moved-clock.ts'
import { onMachine } from './where.ts'

/** Clocks of processes of one stack come apart by an hour while it works. */

const { library = '', fault } = findFaketime()
const { guarantee, control } = onMachine(fault)

const HOUR = 3_600
const OVER_MS = sampleSize({ ci: 1_800, full: 3_000 })
const SETTLES_WITHIN_MS = 60_000
const ROLES = ['planner', 'worker', 'judge', 'keeper', 'gateway'] as const
const EVERYONE = [...ROLES, 'tweet', 'simulated-x', 'postgres'] as const
type Name = (typeof EVERYONE)[number]

const n = sampleSize({ ci: 20, full: 500 })
const timeoutMs = sampleSize({ ci: 180_000, full: 600_000 })

let storm: StormRig
const clocks = new Map<Name, MovedClock>()

const move = (names: readonly Name[], seconds: number): void => {
  for (const name of names) clocks.get(name)?.move(seconds)
}

beforeAll(async () => {
  if (fault !== undefined) return
  const hook = pathToFileURL(join(import.meta.dirname, 'clock-hook.ts')).href
  storm = await openStormRig({
    env: {
      NODE_OPTIONS: `--import=${hook}`,
      MOVED_CLOCK_LIBRARY: library,
      // No lease runs out by itself here.
      LEASE_MS: '20000',
    },
    prepare: (stateDir) => {
      const folder = join(stateDir, 'clocks')
      mkdirSync(folder, { mode: 0o755 })
      for (const name of EVERYONE) clocks.set(name, openMovedClock(library, join(folder, name)))
      return new DisposableStack()
    },
  })
}, 120_000)
afterAll(async () => {
  if (fault === undefined) await storm[Symbol.asyncDispose]()
})

async function ask<Row extends Record<string, unknown>>(text: string): Promise<Row[]> {
  const { urls } = await storm.stack.report()
  const log = openLog({ name: 'test', level: 'silent' })
  await using record = openDatabase({ url: urls.postgres, name: 'test', log, max: 1 })
  return await record.query<Row>({ text })
}

/** Goals come in while clocks move, and all of them come to their end, each once. */
async function moveDuring(of: {
  random: Random
  prefix: string
  moves: () => Promise<void>
}): Promise<void> {
  const goals = planGoals(of.random, { n, prefix: of.prefix })
  const posting = storm.post(goals, OVER_MS)
  await of.moves()
  await posting
  const { checked, settledInMs } = await storm.settle(SETTLES_WITHIN_MS)
  expect(checked.findings.slice(0, 20), logs(storm.rig.stateDir)).toEqual([])
  expect(settledInMs, 'everything settles').toBeDefined()
  expect(checked.counts.completed).toBe(checked.counts.accepted)
}

guarantee(
  {
    id: 'clock-roles',
    title: 'roles an hour ahead and an hour behind do everything once',
    n,
    seed: 71,
    timeoutMs,
  },
  async ({ random }) => {
    const moves = async () => {
      for (const hours of [HOUR, -HOUR]) {
        move(['planner', 'judge', 'gateway'], hours)
        move(['worker', 'keeper'], -hours)
        await sleep(OVER_MS / 2)
      }
      move(ROLES, 0)
    }
    await moveDuring({ random, prefix: 'roles', moves })
  },
)

const inHand = async (): Promise<number> => {
  const [row] = await ask<{ n: number }>(
    `SELECT count(*)::int AS n FROM tasks WHERE status = 'IN_PROGRESS'`,
  )
  return row?.n ?? 0
}

/** A Worker stands still with tasks in its hand; clocks move; whose leases are over then? */
async function moveWhileHeld(names: readonly Name[], id: string): Promise<void> {
  await storm.rig.api('/v1/goals', { method: 'POST', body: { id, text: 'noop 500' } })
  const worker = await findPids(storm.stack, 'worker')
  const isHeld = async () => {
    signalAll(worker, 'SIGSTOP')
    if ((await inHand()) > 0) return true
    signalAll(worker, 'SIGCONT')
    return undefined
  }
  try {
    await eventually(isHeld, 20_000, 'a worker is stopped with tasks in its hand')
    move(names, HOUR)
    // The Keeper looks twice a second.
    await sleep(1_200)
    const [row] = await ask<{ lost: number }>('SELECT sum(leases_lost)::int AS lost FROM tasks')
    expect(row?.lost, 'leases that are over').toBe(0)
  } finally {
    move(names, 0)
    signalAll(worker, 'SIGCONT')
  }
}

guarantee(
  {
    id: 'clock-leases',
    title: 'a lease is over by the clock of the database, whatever the others think',
    n: 1,
    seed: 72,
    timeoutMs,
  },
  () => moveWhileHeld(ROLES, 'leases'),
)

control(
  {
    guard: "the database's own clock",
    test: 'clock-leases',
    expect: /leases that are over: expected [1-9]\d* to be \+?0/,
    timeoutMs,
  },
  () => moveWhileHeld(['postgres'], 'leases-control'),
)

guarantee(
  {
    id: 'clock-postgres',
    title: 'PostgreSQL an hour behind: nothing is done until it is right again, then once',
    n,
    seed: 73,
    timeoutMs,
  },
  async ({ random }) => {
    const moves = async () => {
      await sleep(OVER_MS / 3)
      move(['postgres'], -HOUR)
      // What was granted before has left when nothing leaves any more; what is granted now has run
      // out.
      const before = await untilQuiet()
      await sleep(OVER_MS / 3)
      expect(storm.provider().length - before, 'requests on grants of an hour ago').toBe(0)
      move(['postgres'], 0)
    }
    await moveDuring({ random, prefix: 'postgres', moves })
  },
)

/** How much the provider has seen when nothing more has come for a while. */
async function untilQuiet(): Promise<number> {
  return eventually(
    async () => {
      const before = storm.provider().length
      await sleep(OVER_MS / 2)
      return storm.provider().length === before ? before : undefined
    },
    30_000,
    'nothing more leaves',
  )
}

const isClosed = async () =>
  (await storm.rig.status()).tools[0]?.reason?.startsWith('CLOCK_JUMP') || undefined
const isOpen = async () => (await storm.rig.status()).tools[0]?.state === 'open' || undefined

guarantee(
  {
    id: 'clock-postgres-ahead',
    title: 'PostgreSQL an hour ahead: its tool server closes, and nothing is done or said wrongly',
    // What is granted in that hour keeps its room until it is that time again (at most 100 an
    // account): with more goals nothing new would be granted for an hour, and this test would wait.
    n: Math.min(n, 60),
    seed: 75,
    timeoutMs,
  },
  async ({ n: goals, random }) => {
    const posting = storm.post(planGoals(random, { n: goals, prefix: 'ahead' }), OVER_MS)
    await sleep(OVER_MS / 3)
    move(['postgres'], HOUR)
    await eventually(isClosed, 10_000, 'the tool server closes')
    const before = storm.provider().length
    await posting
    expect(storm.provider().length - before, 'requests on grants of an hour later').toBe(0)
    move(['postgres'], 0)
    await eventually(isOpen, 20_000, 'the tool server opens again')
    const text = 'publish a tweet: after it'
    await storm.post([{ id: 'after', text, words: 'after it', door: 'http', at: 0 }], 1)
    const { status } = await ended(storm.rig, 'after')
    expect(status).toBe('COMPLETED')
    // What was written in that hour waits until it is that time again: nobody calls it done.
    const { findings } = (await storm.settle(0)).checked
    const wrong = findings.filter(({ verdict }) => !['lost', 'unsettled'].includes(verdict))
    expect(wrong).toEqual([])
  },
)

/** The word that the tool server was opened with last; none while one is to be signed. */
async function readHello(): Promise<string | undefined> {
  const [boot] = await ask<{ hello: string | null }>(
    'SELECT hello FROM tool_boots ORDER BY registered_at DESC LIMIT 1',
  )
  return boot?.hello ?? undefined
}

guarantee(
  {
    id: 'clock-machine',
    title: 'the clock of the whole machine is put forward: hellos again, and everything once',
    n,
    seed: 74,
    timeoutMs,
  },
  async ({ random }) => {
    const moves = async () => {
      await sleep(OVER_MS / 3)
      const before = await readHello()
      move(EVERYONE, HOUR)
      const isGreetedAgain = async () => {
        const hello = await readHello()
        return (hello !== undefined && hello !== before) || undefined
      }
      await eventually(isGreetedAgain, 20_000, 'a hello of the new time is signed')
    }
    // With them everything ends that the hour of PostgreSQL alone had left behind.
    await moveDuring({ random, prefix: 'machine', moves })
  },
)
