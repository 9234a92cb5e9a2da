/** The Weaviate that a stack runs: found, watched over, shown, and never waited for. */
import { readFileSync } from 'node:fs'
import path from 'node:path'

import { findWeaviateBinary } from '@chimera/infra/stack/weaviate/weaviate-binary'
import { Redis } from 'ioredis'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'

import {
  chimera,
  descendants,
  eventually,
  makeStateFolder,
  readStatus,
  stillAlive,
} from '../integration/stack-rig.ts'
import { whyNoWeaviate } from '../memory/memory-rig.ts'

const AUTO = { WEAVIATE_SERVER: 'auto', SWARM_TOOLS: 'off' }

let state: ReturnType<typeof makeStateFolder>
beforeEach(async ({ skip }) => {
  const why = whyNoWeaviate()
  if (why !== undefined) skip(why)
  const binary = await findWeaviateBinary(process.env['PATH'] ?? '')
  if (binary === undefined) skip('the Weaviate of these tests is not on this machine')
  state = makeStateFolder()
})

const weaviatePid = (): number =>
  Number(readFileSync(path.join(state.folder, 'weaviate', 'weaviate.pid'), 'utf8'))

async function postGoal(id: string): Promise<void> {
  const redis = new Redis((await readStatus(state.folder)).urls.redis ?? '')
  try {
    await redis.xadd('chimera:goals', '*', 'id', id, 'text', 'generic: think')
  } finally {
    redis.disconnect()
  }
}

test('tasks go on while it hangs, it comes back, and nothing is left behind', async () => {
  onTestFinished(async () => {
    await chimera(state.folder, ['down'])
    state.remove()
  })
  const ran = await chimera(state.folder, ['up', '--detach', '--json'], AUTO)
  expect(ran, ran.err).toMatchObject({ code: 0 })
  const memory = async () => (await readStatus(state.folder)).memory
  await eventually(
    async () => expect(await memory()).toEqual({ backend: 'weaviate', degraded: false }),
    30_000,
  )
  const { pid: supervisor } = z.object({ pid: z.int() }).parse(JSON.parse(ran.out))
  const family = [supervisor, ...descendants(supervisor)]
  expect(family).toContain(weaviatePid())

  const kept = await chimera(state.folder, ['backup', path.join(state.folder, 'b'), '--json'])
  expect(JSON.parse(kept.out), kept.err).toMatchObject({ memories: { count: 0 } })

  process.kill(weaviatePid(), 'SIGSTOP')
  expect(await memory()).toMatchObject({ backend: 'weaviate', degraded: true })
  await postGoal('while-it-hangs')
  await eventually(async () => expect((await readStatus(state.folder)).tasks.done).toBe(1), 30_000)
  expect(await memory()).toMatchObject({ degraded: true })

  const before = weaviatePid()
  process.kill(before, 'SIGKILL')
  await eventually(async () => {
    expect(weaviatePid()).not.toBe(before)
    expect(await memory()).toMatchObject({ backend: 'weaviate', degraded: false })
  }, 30_000)
  const all = [...family, ...descendants(supervisor)]
  expect((await chimera(state.folder, ['down'])).code).toBe(0)
  expect(stillAlive(all)).toEqual([])
  // Ten processes start and stop in it, one command after the other.
}, 240_000)
