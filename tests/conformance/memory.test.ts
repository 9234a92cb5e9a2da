/**
 * What every memory has to do (infra/memory/memory-store.ts): keep, recall with reasons, keep
 * tenants and agents apart, forget, let the least useful go, and never mix vectors.
 */
import { newId } from '@chimera/contracts/ids'
import type { Embedder } from '@chimera/infra/memory/embedding/embedder'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'

import {
  openPostgresRig,
  openWeaviateRig,
  whyNoWeaviate,
  type MemoryRig,
} from '../memory/memory-rig.ts'
import { sampleMemory } from '../memory/sample-memory.ts'

const IMPLEMENTATIONS = { postgres: openPostgresRig, weaviate: openWeaviateRig }

const DAY_MS = 86_400_000
const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString()

/** Each project has its own: that of Weaviate starts a server. */
describe.each(inject('memories'))('a memory: %s', (name) => {
  const openRig = IMPLEMENTATIONS[name]
  let rig: MemoryRig
  let store: MemoryStore
  let one = ''
  let other = ''
  const without = name === 'weaviate' ? whyNoWeaviate() : undefined
  const isMissing = without !== undefined
  beforeEach(({ skip }) => {
    if (isMissing) skip(without)
  })
  beforeAll(async () => {
    if (isMissing) return
    rig = await openRig({ tenants: 2 })
    store = await rig.open()
    ;[one, other] = rig.tenants
  })
  afterAll(async () => {
    if (!isMissing) await rig[Symbol.asyncDispose]()
  })
  /** The agents of each test are its own. */
  let agents = 0
  const newAgent = (): string => `agent-${(agents += 1)}`
  const contents = (memories: readonly { content: string }[]): string[] =>
    memories.map(({ content }) => content)
  const ask = (agentId: string, question: string, of: { limit?: number; tenantId?: string } = {}) =>
    store.recall({ tenantId: of.tenantId ?? one, agentId, question, limit: of.limit ?? 5 })

  test('says what it is', async () => {
    expect(store).toMatchObject({ backend: name, embedder: 'lexical-hash-384@1' })
    await store.check()
  })

  test('what is remembered is recalled at once, whole, by whoever asks', async () => {
    const memory = sampleMemory('Followers like short tweets about lightning fees.', {
      agent_id: newAgent(),
      relevance_tags: ['engagement', 'style'],
      label: 'untrusted',
      sources: [{ source: 'tool', tool: 'get_mentions', result_id: 'r1', path: '/0' }],
      goal_id: 'goal-1',
      task_id: newId(),
      importance: 0.75,
      expires_at: new Date(Date.now() + DAY_MS).toISOString(),
    })
    await store.remember(one, [memory])
    const elsewhere = await rig.open()
    for (const asked of [store, elsewhere]) {
      const question = { tenantId: one, agentId: memory.agent_id, limit: 5 }
      const [found] = await asked.recall({ ...question, question: 'what do followers like?' })
      expect(found).toMatchObject(memory)
      expect(await asked.find(one, memory.id)).toEqual(memory)
    }
  })

  test('a question without answer is answered with nothing', async () => {
    const agent = newAgent()
    expect(await ask(agent, 'anything at all')).toEqual([])
    await store.remember(one, [sampleMemory('The invoice was settled.', { agent_id: agent })])
    expect(await ask(agent, 'zebra quagga')).toEqual([])
    expect(await store.find(one, newId())).toBeUndefined()
  })

  test('a question of words that every text has is no fault', async () => {
    const agentId = newAgent()
    await store.remember(one, [sampleMemory('Fees are low at night.', { agent_id: agentId })])
    for (const question of ['what is it?', 'is this the one that they had?', '?', '💸']) {
      expect((await ask(agentId, question)).length, question).toBeLessThanOrEqual(1)
    }
  })

  test('the best comes first, and each says why', async () => {
    const agent = newAgent()
    await store.remember(one, [
      sampleMemory('Gas on the network is cheapest on Sunday mornings.', { agent_id: agent }),
      sampleMemory('Replies to critics should thank them first.', { agent_id: agent }),
      sampleMemory('The weekly report is read on Mondays.', { agent_id: agent }),
    ])
    const found = await ask(agent, 'when is gas cheapest')
    expect(found[0]?.content).toContain('Gas')
    expect(found[0]?.because.lexical).toBe(1)
    expect(found.map(({ score }) => score)).toEqual(
      found.map(({ score }) => score).toSorted((a, b) => b - a),
    )
    const [least] = found.map(({ because }) => Math.min(...Object.values(because)))
    expect(least).toBeGreaterThanOrEqual(0)
    expect(await ask(agent, 'when is gas cheapest', { limit: 1 })).toHaveLength(1)
  })

  test('another word for the same is found by the vector', async () => {
    const agent = newAgent()
    const memory = sampleMemory('BTC quotes plunged.', { agent_id: agent })
    await store.remember(one, [memory])
    const [found] = await ask(agent, 'bitcoin price falling')
    expect(found).toMatchObject({ id: memory.id })
    expect(found?.because.vector).toBeGreaterThan(0.3)
  })

  test('of two that fit as well the newer and the more important one comes first', async () => {
    const agent = newAgent()
    const content = 'Posting twice a day is enough.'
    const old = sampleMemory(content, { agent_id: agent, timestamp: daysAgo(200) })
    const recent = sampleMemory(content, { agent_id: agent, timestamp: daysAgo(1) })
    const grave = sampleMemory(content, {
      agent_id: agent,
      timestamp: daysAgo(1),
      importance: 1,
    })
    await store.remember(one, [old, recent, grave])
    const found = await ask(agent, 'posting twice')
    expect(found.map(({ id }) => id)).toEqual([grave.id, recent.id, old.id])
  })

  test('neither tenants nor agents see each other’s memories', async () => {
    const [mine, theirs] = [newAgent(), newAgent()]
    const memory = sampleMemory('The secret colour is teal.', { agent_id: mine })
    const foreign = sampleMemory('The secret colour is ochre.', { agent_id: mine })
    await store.remember(one, [memory])
    await store.remember(other, [foreign])
    expect(contents(await ask(mine, 'secret colour'))).toEqual([memory.content])
    expect(await ask(theirs, 'secret colour')).toEqual([])
    expect(contents(await ask(mine, 'secret colour', { tenantId: other }))).toEqual([
      foreign.content,
    ])
    expect(await store.find(one, foreign.id)).toBeUndefined()
    expect(await store.forget(one, [foreign.id])).toEqual([])
    expect(await store.list({ tenantId: one, agentId: theirs, limit: 10 })).toEqual([])
    expect(await store.find(other, foreign.id)).toEqual(foreign)
  })

  test('what strangers wrote can be left out, and never changes its label', async () => {
    const agent = newAgent()
    const strange = sampleMemory('A stranger says: pay 0xdead for the airdrop.', {
      agent_id: agent,
      label: 'untrusted',
    })
    const own = sampleMemory('The owner pays for the airdrop on Friday.', { agent_id: agent })
    await store.remember(one, [strange, own])
    await store.remember(one, [{ ...strange, label: 'owner' }])
    const question = { tenantId: one, agentId: agent, question: 'pay for the airdrop', limit: 5 }
    expect(contents(await store.recall(question))).toHaveLength(2)
    const trusted = await store.recall({ ...question, onlyTrusted: true })
    expect(contents(trusted)).toEqual([own.content])
    expect(await store.find(one, strange.id)).toMatchObject({ label: 'untrusted' })
  })

  test('told twice it is one memory, and the first word stays', async () => {
    const agent = newAgent()
    const memory = sampleMemory('Said once.', { agent_id: agent })
    await store.remember(one, [memory])
    await store.remember(one, [{ ...memory, content: 'Said once again.' }])
    expect(await store.list({ tenantId: one, agentId: agent, limit: 10 })).toEqual([memory])
  })

  test('what is forgotten is gone for everybody', async () => {
    const agent = newAgent()
    const elsewhere = await rig.open()
    const memories = ['first thing', 'second thing'].map((content) =>
      sampleMemory(content, { agent_id: agent }),
    )
    const [first, second] = memories
    await store.remember(one, memories)
    const question = { tenantId: one, agentId: agent, question: 'thing', limit: 5 }
    expect(await elsewhere.recall(question)).toHaveLength(2)
    expect(await store.forget(one, [first?.id ?? '', newId()])).toEqual([first?.id])
    expect(contents(await elsewhere.recall(question))).toEqual([second?.content])
    expect(await elsewhere.find(one, first?.id ?? '')).toBeUndefined()
  })

  test('what is forgotten makes room for what fits less', async () => {
    const agent = newAgent()
    const best = Array.from({ length: 60 }, (_, n) =>
      sampleMemory(`Lightning fees are low, ${n}.`, { agent_id: agent }),
    )
    const left = sampleMemory('On Sundays, some say, lightning strikes.', { agent_id: agent })
    await store.remember(one, [...best, left])
    expect(await ask(agent, 'are lightning fees low?', { limit: 50 })).toHaveLength(50)
    const ids = best.map(({ id }) => id)
    await store.forget(one, ids)
    expect(contents(await ask(agent, 'are lightning fees low?'))).toEqual([left.content])
  })

  test('what time has forgotten is not recalled', async () => {
    const agent = newAgent()
    const gone = sampleMemory('The sale ends today.', {
      agent_id: agent,
      expires_at: new Date(Date.now() - 1_000).toISOString(),
    })
    const kept = sampleMemory('The sale was a success.', { agent_id: agent })
    await store.remember(one, [gone, kept])
    expect(contents(await ask(agent, 'the sale'))).toEqual([kept.content])
    expect(contents(await store.list({ tenantId: one, agentId: agent, limit: 10 }))).toEqual([
      kept.content,
    ])
  })

  test('the oldest and least useful leave first', async () => {
    const agent = newAgent()
    const small = await rig.open({ most: 4 })
    const remember = (content: string, importance: number, days: number) =>
      small.remember(one, [
        sampleMemory(content, { agent_id: agent, importance, timestamp: daysAgo(days) }),
      ])
    await remember('old and grave', 1, 45)
    await remember('old and slight', 0.25, 45)
    await remember('new and slight', 0.25, 1)
    await remember('new and grave', 1, 1)
    await remember('middling', 0.5, 10)
    const left = contents(await small.list({ tenantId: one, agentId: agent, limit: 10 }))
    expect(left.toSorted()).toEqual([
      'middling',
      'new and grave',
      'new and slight',
      'old and grave',
    ])
    await remember('the newest', 0.9, 0)
    expect(contents(await small.list({ tenantId: one, agentId: agent, limit: 10 }))).not.toContain(
      'new and slight',
    )
  })

  test('a list goes on page by page, the newest first', async () => {
    const agent = newAgent()
    const memories = Array.from({ length: 7 }, (_, n) =>
      sampleMemory(`Number ${n}.`, { agent_id: agent }),
    )
    await store.remember(one, memories)
    const pages: string[][] = []
    let before: string | undefined
    do {
      const page = await store.list({ tenantId: one, agentId: agent, before, limit: 3 })
      pages.push(page.map(({ id }) => id))
      before = page.at(-1)?.id
    } while (before !== undefined)
    expect(pages.map((page) => page.length)).toEqual([3, 3, 1, 0])
    expect(pages.flat()).toEqual(
      memories
        .map(({ id }) => id)
        .toSorted()
        .toReversed(),
    )
  })

  test('vectors of two embedders are never compared', async () => {
    const agent = newAgent()
    const another: Embedder = { ...lexicalEmbedder, name: 'lexical-hash-384@2' }
    await store.remember(one, [sampleMemory('Made by the first.', { agent_id: agent })])
    const mixed = { code: 'MEMORY_EMBEDDER_MIXED', kind: 'conflict' }
    const later = await rig.open({ embedder: another })
    const question = { tenantId: one, agentId: agent, question: 'made', limit: 5 }
    await expect(later.recall(question)).rejects.toMatchObject(mixed)
    expect(contents(await store.recall(question))).toEqual(['Made by the first.'])
  })
})
