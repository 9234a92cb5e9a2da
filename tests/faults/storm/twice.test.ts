import { setTimeout as sleep } from 'node:timers/promises'

import { WORK_STREAMS } from '@chimera/contracts/streams'
import type { Redis } from 'ioredis'
import { expect } from 'vitest'
import { z } from 'zod'

import { guarantee, type Random, sampleSize } from '../../guarantee.ts'
import { openStormRig } from './storm-rig.ts'
import { planGoals } from './workload.ts'

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
    await using storm = await openStormRig()
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
    expect(after.checked.counts.completed).toBe(n)
    expect(repeated).toBeGreaterThan(n)
  },
)
