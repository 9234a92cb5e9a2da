import { expect, test } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import { addTasks, createGroups, markerIsSaved, openScene, waitMs } from './keeper-scene.ts'

const RESEARCH = 'chimera:tasks:RESEARCH'

const WINDOWS = 3

/**
 * Commands per second at Redis and PostgreSQL in the quietest of some windows: what earlier tests
 * left behind in the same Redis ends, what a Keeper does at rest does not.
 */
async function rateOfCommands(seconds: number): Promise<number> {
  await using scene = await openScene()
  await createGroups(scene)
  scene.openKeeper({ sweepMs: 1_000 })
  await markerIsSaved(scene)
  const { client } = scene.redis
  const count = async () => {
    const stats = await client.info('stats')
    const [row] = await scene.database.query<{ n: string }>({
      text: `SELECT xact_commit AS n FROM pg_stat_database WHERE datname = current_database()`,
    })
    return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]) + Number(row?.n)
  }
  await waitMs(2_000)
  const rates: number[] = []
  for (let window = 0; window < WINDOWS; window += 1) {
    const before = await count()
    const startedAt = performance.now()
    await waitMs(seconds * 1_000)
    const tookSeconds = (performance.now() - startedAt) / 1_000
    rates.push(((await count()) - before - 2) / tookSeconds)
  }
  return Math.min(...rates)
}

test('at rest a keeper sends fewer than three commands a second', async () => {
  expect(await rateOfCommands(4)).toBeLessThan(3)
})

async function expectDoorbells(of: { isSwept: boolean }): Promise<void> {
  await using scene = await openScene()
  await createGroups(scene)
  scene.openKeeper(of.isSwept ? {} : { compose: () => [] })
  await waitMs(1_000)
  await addTasks(scene.database, { count: 10 })
  await scene.redis.client.flushall()
  await expect
    .poll(() => scene.redis.client.xlen(RESEARCH), { timeout: 5_000, interval: 200 })
    .toBe(10)
}

guarantee({ id: 'doorbells', title: 'what nobody heard is rung again', n: 1, seed: 1 }, () =>
  expectDoorbells({ isSwept: true }),
)

control({ guard: 'the doorbell sweep', test: 'doorbells', expect: /expected \+?0 to be 10/ }, () =>
  expectDoorbells({ isSwept: false }),
)
