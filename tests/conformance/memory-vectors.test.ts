/**
 * What every memory does with vectors that another embedder made: it refuses to compare them, and
 * makes them anew step by step, with nothing of the memories changed, lost or done twice.
 */
import { RetryableError } from '@chimera/contracts/errors'
import type { Memory } from '@chimera/contracts/judging/memory'
import type { Embedder } from '@chimera/infra/memory/embedding/embedder'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import {
  type MemoryRig,
  openPostgresRig,
  openWeaviateRig,
  whyNoWeaviate,
} from '../memory/memory-rig.ts'
import { sampleMemory } from '../memory/sample-memory.ts'
import { versionedEmbedder } from '../memory/versioned-embedder.ts'

const RIGS = { postgres: openPostgresRig, weaviate: openWeaviateRig }
const MIXED = { code: 'MEMORY_EMBEDDER_MIXED', message: /chimera memory re-embed/ }
const OLD = 'model@1'
const NEW = 'model@2'

/** Gone through as the command does. */
async function renewAll(
  store: MemoryStore,
  of: { tenantId: string; agentId?: string; limit: number },
): Promise<number> {
  let renewed = 0
  for (;;) {
    const step = await store.reEmbed(of)
    renewed += step.renewed
    if (step.found === 0) return renewed
  }
}

describe.each(inject('memories'))('vectors in a memory: %s', (name) => {
  let rig: MemoryRig
  const without = name === 'weaviate' ? whyNoWeaviate() : undefined
  beforeEach(({ skip }) => {
    if (without !== undefined) skip(without)
  })
  let tenants: readonly string[] = []
  beforeAll(async () => {
    if (without !== undefined) return
    rig = await RIGS[name]({ tenants: 20 })
    tenants = rig.tenants
  })
  afterAll(async () => {
    if (without === undefined) await rig[Symbol.asyncDispose]()
  })
  /** Each test has a tenant of its own. */
  let used = 0
  const newTenant = (): string => {
    const tenant = tenants[used]
    used += 1
    if (tenant === undefined) throw new Error('Ask the rig for more tenants.')
    return tenant
  }

  /** Remembers as the embedder of before does, for some agents in turn. */
  async function remembered(tenantId: string, of: { n: number; agents?: number }) {
    const { n, agents = 1 } = of
    const before = await rig.open({ embedder: versionedEmbedder(OLD) })
    const memories = Array.from({ length: n }, (_, at) =>
      sampleMemory(`Lesson ${at} says that fees of number${at} were low.`, {
        agent_id: `agent-${at % agents}`,
        relevance_tags: [`tag${at}`],
        label: at % 2 === 0 ? 'untrusted' : 'derived',
        expires_at: at % 3 === 0 ? new Date(Date.now() + 86_400_000).toISOString() : null,
      }),
    )
    for (let from = 0; from < n; from += 100) {
      await before.remember(tenantId, memories.slice(from, from + 100))
    }
    return { before, memories }
  }
  const ask = (store: MemoryStore, tenantId: string, agentId = 'agent-0') =>
    store.recall({ tenantId, agentId, question: 'fees of number0', limit: 5 })
  const byId = (memories: readonly Memory[]) => memories.toSorted((a, b) => (a.id < b.id ? -1 : 1))

  test('what another embedder made is counted, made anew in steps, and recalled', async () => {
    const tenantId = newTenant()
    const { before, memories } = await remembered(tenantId, { n: 25, agents: 2 })
    const now = await rig.open({ embedder: versionedEmbedder(NEW) })
    await expect(ask(now, tenantId)).rejects.toMatchObject(MIXED)
    expect(await now.countVectors({ tenantId })).toEqual({ held: 25, stale: 25 })
    const steps: number[] = []
    for (;;) {
      const { found, renewed } = await now.reEmbed({ tenantId, limit: 10 })
      if (found === 0) break
      steps.push(renewed)
    }
    expect(steps).toEqual([10, 10, 5])
    expect(await now.countVectors({ tenantId })).toEqual({ held: 25, stale: 0 })
    const [best] = await ask(now, tenantId)
    expect(best).toMatchObject({ id: memories[0]?.id })
    expect(best?.because.vector).toBeGreaterThan(0.3)
    // Nothing of a memory is different, and what made them before is refused in its turn.
    expect(byId(await now.list({ tenantId, limit: 50 }))).toEqual(byId(memories))
    await expect(ask(before, tenantId)).rejects.toMatchObject(MIXED)
  })

  test('one agent alone can be done, and recalls before the others are', async () => {
    const tenantId = newTenant()
    await remembered(tenantId, { n: 12, agents: 3 })
    const now = await rig.open({ embedder: versionedEmbedder(NEW) })
    expect(await renewAll(now, { tenantId, agentId: 'agent-0', limit: 3 })).toBe(4)
    expect(await now.countVectors({ tenantId, agentId: 'agent-0' })).toEqual({ held: 4, stale: 0 })
    expect(await now.countVectors({ tenantId })).toEqual({ held: 12, stale: 8 })
    expect(await ask(now, tenantId)).not.toEqual([])
    await expect(ask(now, tenantId, 'agent-1')).rejects.toMatchObject(MIXED)
  })

  test('an embedder that fails changes nothing, and another tenant nothing either', async () => {
    const [tenantId, other] = [newTenant(), newTenant()]
    await remembered(tenantId, { n: 6 })
    await remembered(other, { n: 2 })
    const isAway = { now: true }
    const before = () => {
      if (isAway.now) throw new RetryableError('UNAVAILABLE', 'The embedder does not answer.')
    }
    const now = await rig.open({ embedder: versionedEmbedder(NEW, { before }) })
    const step = { tenantId, limit: 4 }
    await expect(now.reEmbed(step)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await now.countVectors({ tenantId })).toEqual({ held: 6, stale: 6 })
    isAway.now = false
    expect(await renewAll(now, step)).toBe(6)
    expect(await now.countVectors({ tenantId: other })).toEqual({ held: 2, stale: 2 })
  })

  test('what is forgotten while its vector is made stays forgotten', async () => {
    const tenantId = newTenant()
    const { before, memories } = await remembered(tenantId, { n: 5 })
    const [gone] = memories
    const forget = async () => void (await before.forget(tenantId, [gone?.id ?? '']))
    const now = await rig.open({ embedder: versionedEmbedder(NEW, { before: forget }) })
    expect(await now.reEmbed({ tenantId, limit: 10 })).toEqual({ found: 5, renewed: 4 })
    expect(byId(await now.list({ tenantId, limit: 10 }))).toEqual(byId(memories.slice(1)))
  })

  test('what is remembered meanwhile by the embedder of before is found, too', async () => {
    const tenantId = newTenant()
    const { before } = await remembered(tenantId, { n: 4 })
    const late = sampleMemory('Said late.', { agent_id: 'agent-0' })
    const now = await rig.open({ embedder: versionedEmbedder(NEW) })
    await now.reEmbed({ tenantId, limit: 4 })
    await before.remember(tenantId, [late])
    expect(await renewAll(now, { tenantId, limit: 4 })).toBe(1)
    expect(await ask(now, tenantId)).not.toEqual([])
  })

  test('two at once do no harm', async () => {
    const tenantId = newTenant()
    const { memories } = await remembered(tenantId, { n: 40, agents: 4 })
    const both = await Promise.all([1, 2].map(() => rig.open({ embedder: versionedEmbedder(NEW) })))
    await Promise.all(both.map((store) => renewAll(store, { tenantId, limit: 7 })))
    const [now = await rig.open()] = both
    expect(await now.countVectors({ tenantId })).toEqual({ held: 40, stale: 0 })
    expect(byId(await now.list({ tenantId, limit: 50 }))).toEqual(byId(memories))
    expect(await ask(now, tenantId)).not.toEqual([])
  })

  const n = sampleSize({ ci: 60, full: 10_000 })

  /** Stopped twice in the middle: each time another process goes on. */
  async function resumed(of: { lose: (tenantId: string, by: Embedder) => Promise<void> }) {
    const tenantId = newTenant()
    await remembered(tenantId, { n })
    const embedder = versionedEmbedder(NEW)
    const limit = Math.ceil(n / 6)
    for (let stop = 0; stop < 2; stop += 1) {
      const stopped = await rig.open({ embedder })
      await stopped.reEmbed({ tenantId, limit })
      await of.lose(tenantId, embedder)
    }
    const now = await rig.open({ embedder })
    expect(await renewAll(now, { tenantId, limit })).toBeGreaterThan(0)
    expect(await now.countVectors({ tenantId })).toEqual({ held: n, stale: 0 })
    expect(embedder.asked(), 'texts that the embedder was asked for').toBe(n)
    expect(await ask(now, tenantId)).not.toEqual([])
  }
  guarantee(
    {
      id: `re-embed-goes-on-${name}`,
      title: 'whoever is stopped goes on where he was, and asks for no vector twice',
      n,
      seed: 1,
      timeoutMs: 30_000 + 30 * n,
    },
    () => resumed({ lose: async () => {} }),
  )
  control(
    {
      guard: 'the word of each vector on who made it',
      test: `re-embed-goes-on-${name}`,
      expect: /texts that the embedder was asked for/,
      timeoutMs: 30_000 + 30 * n,
    },
    () =>
      resumed({
        // As if nobody had written it down: made anew by one of the same vectors.
        lose: async (tenantId, { name: made }) => {
          const amnesiac = await rig.open({ embedder: versionedEmbedder(OLD) })
          expect(made).toBe(NEW)
          while ((await amnesiac.reEmbed({ tenantId, limit: 500 })).found > 0);
        },
      }),
  )
})
