import { setTimeout as sleep } from 'node:timers/promises'

import { openDatabase } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, expect } from 'vitest'

import { control, guarantee, type Random, sampleSize } from '../../guarantee.ts'
import { cutRedisFile, replaceRedis } from './harm-servers.ts'
import { rollBackUnderLedger } from './older-postgres.ts'
import { openStormRig, type StormRig } from './storm-rig.ts'
import { planGoals } from './workload.ts'

let storm: StormRig

beforeAll(async () => {
  storm = await openStormRig()
}, 120_000)
afterAll(() => storm[Symbol.asyncDispose]())

const GOALS_EACH = 30
const OVER_MS = 4_000
const SETTLES_WITHIN_MS = 60_000

/** Goals come in, the server is harmed in their middle, and all of them come to their end. */
async function harm(of: {
  random: Random
  prefix: string
  times: number
  /** Whether goals that only Redis has taken may be among them. */
  isRedisSpared: boolean
  how: (time: number) => Promise<unknown>
}): Promise<void> {
  const { random, times } = of
  const seldom = of.isRedisSpared ? {} : { byStream: 0 }
  for (let time = 0; time < times; time += 1) {
    const goals = planGoals(random, { n: GOALS_EACH, prefix: `${of.prefix}-${time}`, ...seldom })
    const posting = storm.post(goals, OVER_MS)
    await sleep(random.integer(0, OVER_MS))
    await of.how(time)
    await posting
  }
  const { checked, settledInMs } = await storm.settle(SETTLES_WITHIN_MS)
  expect(checked.findings.slice(0, 20)).toEqual([])
  expect(settledInMs, 'everything settles').toBeDefined()
  // Every goal that was ever posted here, and not one of them by failing.
  expect(checked.counts.completed).toBe(checked.counts.accepted)
}

const timeoutMs = sampleSize({ ci: 180_000, full: 900_000 })

guarantee(
  {
    id: 'redis-file-cut',
    title: 'Redis is killed and its file cut at a random byte: nothing accepted is lost',
    n: sampleSize({ ci: 2, full: 50 }),
    seed: 11,
    timeoutMs,
  },
  async ({ n: times, random }) => {
    const how = () => cutRedisFile(storm.stack, random)
    await harm({ random, prefix: 'cut', times, isRedisSpared: false, how })
  },
)

guarantee(
  {
    id: 'redis-replaced',
    title: 'an empty Redis takes the place of the one that was there',
    n: sampleSize({ ci: 2, full: 20 }),
    seed: 12,
    timeoutMs,
  },
  async ({ n: times, random }) => {
    const how = () => replaceRedis(storm.stack)
    await harm({ random, prefix: 'replaced', times, isRedisSpared: false, how })
  },
)

guarantee(
  {
    id: 'redis-paused',
    title: 'Redis stands still for longer than any lease',
    n: sampleSize({ ci: 1, full: 5 }),
    seed: 13,
    timeoutMs,
  },
  async ({ n: times, random }) => {
    const forMs = sampleSize({ ci: 5_000, full: 30_000 })
    const how = () => storm.nemesis.rage([{ atMs: 0, kind: 'stop', target: 'redis', forMs }])
    await harm({ random, prefix: 'paused', times, isRedisSpared: true, how })
  },
)

guarantee(
  {
    id: 'postgres-killed',
    title: 'PostgreSQL is killed, all of it at once',
    n: sampleSize({ ci: 2, full: 50 }),
    seed: 14,
    timeoutMs,
  },
  async ({ n: times, random }) => {
    const how = () => storm.nemesis.rage([{ atMs: 0, kind: 'kill', target: 'postgres' }])
    await harm({ random, prefix: 'postgres', times, isRedisSpared: true, how })
  },
)

guarantee(
  {
    id: 'postgres-connections-reset',
    title: 'every connection to PostgreSQL is reset, again and again',
    n: sampleSize({ ci: 6, full: 200 }),
    seed: 15,
    timeoutMs,
  },
  async ({ n: resets, random }) => {
    const { urls } = await storm.stack.report()
    const log = openLog({ name: 'test', level: 'silent' })
    await using record = openDatabase({ url: urls.postgres, name: 'test', log, max: 1 })
    let ended = 0
    const AT_A_TIME = 5
    const how = async () => {
      for (let at = 0; at < AT_A_TIME; at += 1) {
        const rows = await record.query({
          text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`,
        })
        ended += rows.length
        await sleep(random.integer(0, 400))
      }
    }
    const times = resets / AT_A_TIME
    await harm({ random, prefix: 'reset', times, isRedisSpared: true, how })
    expect(ended).toBeGreaterThan(resets)
  },
)

// The last ones: what was accepted after the copy is forgotten, as its owner wanted it.
guarantee(
  {
    id: 'postgres-rolled-back',
    title:
      'an older PostgreSQL is put in place by hand: the ledger stops it, nothing is done twice',
    n: 1,
    seed: 16,
    timeoutMs,
  },
  () => rollBackUnderLedger(storm, { id: 'rolled-back', args: [], endsWithinMs: 30_000 }),
)

control(
  {
    guard: 'the adoption of what the ledger holds',
    test: 'postgres-rolled-back',
    expect: /the row of the slot/,
    timeoutMs,
  },
  () =>
    rollBackUnderLedger(storm, {
      id: 'not-adopted',
      args: ['without=adoption'],
      endsWithinMs: 3_000,
    }),
)
