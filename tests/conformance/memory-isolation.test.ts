/**
 * Memories of tenants and agents at size: equal words everywhere, everybody asking while everybody
 * writes. Nobody is given another's, and everybody is given their own at once.
 */
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { beforeEach, describe, expect, inject, test } from 'vitest'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import { expectOwnMemories } from '../memory/expect-own-memories.ts'
import {
  openPostgresRig,
  openWeaviateRig,
  whyNoWeaviate,
  type MemoryGuard,
} from '../memory/memory-rig.ts'
import { sampleMemory } from '../memory/sample-memory.ts'

const IMPLEMENTATIONS = { postgres: openPostgresRig, weaviate: openWeaviateRig }

const FULL_TIMEOUT_MS = 1_200_000
const CONTROL_TIMEOUT_MS = 120_000
const SMALL = { tenants: 3, agents: 2, queries: 60 }
const OF_OTHER_TENANTS = /^memories of other tenants that came back: expected [1-9]\d* to be \+?0/
const OF_OTHER_AGENTS = /^memories of other agents that came back: expected [1-9]\d* to be \+?0/

/** Each project has its own: that of Weaviate comes when its server is built. */
describe.each(inject('memories'))('memories of many: %s', (name) => {
  const missing = name === 'weaviate' ? whyNoWeaviate() : undefined
  beforeEach(({ skip }) => {
    if (missing !== undefined) skip(missing)
  })
  const expectOwn = async (of: {
    tenants: number
    agents: number
    queries: number
    seed?: number
    without?: MemoryGuard
    around?: (store: MemoryStore) => MemoryStore
  }): Promise<void> => {
    await using rig = await IMPLEMENTATIONS[name](of)
    const { without, around = (store) => store } = of
    const stores = [await rig.open({ without }), await rig.open({ without })] as const
    await expectOwnMemories({
      ...of,
      tenants: rig.tenants,
      stores: [around(stores[0]), around(stores[1])],
      seed: of.seed ?? 1,
    })
  }
  const id = `own-memories-${name}`
  const tenants = sampleSize({ ci: 4, full: 50 })
  const agents = sampleSize({ ci: 2, full: 4 })

  guarantee(
    {
      id,
      title: `0 results of others under ${tenants} tenants of ${agents} agents, own ones at once`,
      n: sampleSize({ ci: 200, full: 10_000 }),
      seed: 8,
      timeoutMs: FULL_TIMEOUT_MS,
    },
    ({ n, seed }) => expectOwn({ tenants, agents, queries: n, seed }),
  )

  control(
    {
      guard: `the tenant of a question to ${name}`,
      test: id,
      expect: OF_OTHER_TENANTS,
      timeoutMs: CONTROL_TIMEOUT_MS,
    },
    () => expectOwn({ ...SMALL, without: 'tenant' }),
  )

  control(
    {
      guard: `the agent of a question to ${name}`,
      test: id,
      expect: OF_OTHER_AGENTS,
      timeoutMs: CONTROL_TIMEOUT_MS,
    },
    () => expectOwn({ ...SMALL, without: 'agent' }),
  )

  control(
    {
      guard: `the question to ${name} for what no stranger wrote`,
      test: id,
      expect: /^words of strangers where none were asked for: expected [1-9]\d* to be \+?0/,
      timeoutMs: CONTROL_TIMEOUT_MS,
    },
    () => {
      const around = (store: MemoryStore): MemoryStore => ({
        ...store,
        recall: (question) => store.recall({ ...question, onlyTrusted: false }),
      })
      return expectOwn({ ...SMALL, around })
    },
  )

  control(
    {
      guard: `waiting until ${name} has what it was told`,
      test: id,
      expect: /^memories that were not recalled at once: expected [1-9]\d* to be \+?0/,
      timeoutMs: CONTROL_TIMEOUT_MS,
    },
    // Nothing is written while anybody asks.
    () => expectOwn({ ...SMALL, around: (store) => ({ ...store, remember: async () => {} }) }),
  )

  control(
    {
      guard: `the deletion of what ${name} should forget`,
      test: id,
      expect: /^memories that came back although forgotten: expected [1-9]\d* to be \+?0/,
      timeoutMs: CONTROL_TIMEOUT_MS,
    },
    () => expectOwn({ ...SMALL, around: (store) => ({ ...store, forget: async () => [] }) }),
  )

  const rounds = sampleSize({ ci: 100, full: 1_000 })
  test(`a recall beside the writing is refused for nothing (n=${rounds})`, async () => {
    await using rig = await IMPLEMENTATIONS[name]({ tenants: 2 })
    const store = await rig.open()
    const [tenantId] = rig.tenants
    const asked = { tenantId, agentId: 'default', question: 'what do followers like', limit: 20 }
    const write = async (): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) {
        await store.remember(tenantId, [sampleMemory('Followers like it.', { label: 'untrusted' })])
      }
    }
    const isWritten = { yet: false }
    const ask = async (): Promise<void> => {
      while (!isWritten.yet) expect(await store.recall({ ...asked, onlyTrusted: true })).toEqual([])
    }
    const writing = Promise.all([write(), write()]).finally(() => (isWritten.yet = true))
    await Promise.all([writing, ask(), ask(), ask()])
  })

  /** Weaviate has one guard of tenants, and the control above leaves it out. */
  const guards =
    name === 'postgres' ? (['policy of the rows', 'tenant in the statements'] as const) : []
  test.each(guards)(
    'tenants stay apart without the %s: the other guard is enough',
    async (without) => {
      await expect(expectOwn({ ...SMALL, without })).resolves.toBeUndefined()
    },
  )
})
