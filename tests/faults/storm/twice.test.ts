import { setTimeout as sleep } from 'node:timers/promises'

import { WORK_STREAMS } from '@chimera/contracts/streams'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, expect } from 'vitest'
import { z } from 'zod'

import { guarantee, type Random, sampleSize } from '../../guarantee.ts'
import { shuffleUnread } from './shuffle-unread.ts'
import type { StormFault } from './storm-plan.ts'
import { openStormRig, type StormRig } from './storm-rig.ts'
import { planGoals } from './workload.ts'

let storm: StormRig
beforeAll(async () => {
  storm = await openStormRig()
}, 120_000)
afterAll(() => storm[Symbol.asyncDispose]())

const Entries = z.array(z.tuple([z.string(), z.array(z.string())]))
const OVER_MS = 5_000
const EVERY_MS = 700
const SETTLES_WITHIN_MS = 60_000

/** Adds every entry of every work stream again, in any order. Answers how many. */
async function repeatAll(redis: Redis, random: Random): Promise<number> {
  const found: { stream: string; fields: string[] }[] = []
  for (const stream of WORK_STREAMS) {
    const entries = Entries.parse(await redis.xrange(stream, '-', '+', 'COUNT', 500))
    found.push(...entries.map(([, fields]) => ({ stream, fields })))
  }
  const pipeline = redis.pipeline()
  for (const { stream, fields } of random.shuffle(found)) pipeline.xadd(stream, '*', ...fields)
  await pipeline.exec()
  return found.length
}

guarantee(
  {
    id: 'entries-repeated',
    title: 'every entry comes again and in another order, while it matters and long after it',
    n: sampleSize({ ci: 60, full: 1_000 }),
    seed: 21,
    timeoutMs: 300_000,
  },
  async ({ n, random }) => {
    let repeated = 0
    const over = new AbortController()
    const repeating = async () => {
      while (!over.signal.aborted) {
        repeated += await repeatAll(storm.redis, random)
        await sleep(EVERY_MS)
      }
    }
    const repeats = repeating()
    await storm.post(planGoals(random, { n, prefix: 'again' }), OVER_MS)
    over.abort()
    await repeats
    const first = await storm.settle(SETTLES_WITHIN_MS)
    expect(first.checked.findings).toEqual([])
    repeated += await repeatAll(storm.redis, random)
    await sleep(EVERY_MS)
    // The timeline of goals that have ended does not move any more; X's record would show it.
    const after = await storm.settle(SETTLES_WITHIN_MS)
    expect(after.checked.findings).toEqual([])
    expect(after.checked.counts.completed).toBe(after.checked.counts.accepted)
    expect(repeated).toBeGreaterThan(n)
  },
)

const PAUSE_MS = 200
const MIXED_OVER_MS = sampleSize({ ci: 2_400, full: OVER_MS })
const LOOK_EVERY_MS = 40

guarantee(
  {
    id: 'entries-reordered',
    title: 'what was published in one order is delivered in another',
    n: sampleSize({ ci: 40, full: 1_000 }),
    seed: 22,
    timeoutMs: 300_000,
  },
  async ({ n, random }) => {
    // Whoever reads stands still for a moment, in turn, so that there is something to reorder.
    const roles = ['planner', 'worker', 'judge'] as const
    const pauses = Array.from({ length: MIXED_OVER_MS / PAUSE_MS }, (_, at): StormFault => {
      const target = roles[at % roles.length] ?? 'worker'
      return { atMs: at * PAUSE_MS, kind: 'stop', target, forMs: PAUSE_MS }
    })
    let moved = 0
    const over = new AbortController()
    const shuffling = (async () => {
      while (!over.signal.aborted) {
        moved += await shuffleUnread(storm.redis, random)
        await sleep(LOOK_EVERY_MS)
      }
    })()
    const goals = planGoals(random, { n, prefix: 'mixed' })
    await Promise.all([storm.post(goals, MIXED_OVER_MS), storm.nemesis.rage(pauses)])
    const { checked } = await storm.settle(SETTLES_WITHIN_MS)
    over.abort()
    await shuffling
    expect(checked.findings).toEqual([])
    expect(checked.counts.completed).toBe(checked.counts.accepted)
    expect(moved).toBeGreaterThan(n)
  },
)
