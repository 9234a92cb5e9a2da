/**
 * A way to Weaviate that breaks in the middle of a batch, loses the answer, or takes its time: what
 * the Keeper brings is there once, and nobody waits for a memory longer than a second.
 */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { countPosted } from '@chimera/infra/database/memories/memory-outbox'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { openRecollection } from '@chimera/infra/memory/recollection'
import { openWeaviateMemory } from '@chimera/infra/memory/weaviate/weaviate-memory'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import { judgeOfFile } from '../integration/judge-rig.ts'
import { eventually } from '../integration/stack-rig.ts'
import { bring, learn } from './lessons.ts'
import { openOwnWeaviate, whyNoOwnWeaviate } from './own-weaviate.ts'
import { openUnrulyWay, type UnrulyWay } from './unruly-way.ts'

const rig = judgeOfFile()
const log = openLog({ name: 'weaviate-cuts', level: 'silent' })
/** What a batch gets, so that a fault is over soon. */
const TIMEOUT_MS = 3_000
/** What a prompt waits, and what the product's own way to Weaviate would. */
const WITHIN_MS = 1_000
const PATIENT_MS = 10_000
/** A batch of so many such lessons is more than this, and to ask for so many ids is less. */
const LESSONS = 10
const FILLING = 'x'.repeat(3_000)
const BATCH_BYTES = 20_000

const opened = new AsyncDisposableStack()
let ways: { http: UnrulyWay; grpc: UnrulyWay }
/** By the ways that break, and beside them. */
let store: MemoryStore
let direct: MemoryStore
let patient: MemoryStore
let without: string | undefined

beforeAll(async () => {
  without = await whyNoOwnWeaviate()
  if (without !== undefined) return
  const server = opened.use(await openOwnWeaviate())
  const http = opened.use(await openUnrulyWay(server.url))
  const grpc = opened.use(await openUnrulyWay(server.grpcUrl))
  ways = { http, grpc }
  const common = { apiKey: server.apiKey, timeoutMs: TIMEOUT_MS, embedder: lexicalEmbedder }
  const unruly = { ...common, url: http.url, grpcUrl: grpc.url }
  store = opened.use(openWeaviateMemory(unruly))
  patient = opened.use(openWeaviateMemory({ ...unruly, timeoutMs: PATIENT_MS }))
  direct = opened.use(openWeaviateMemory({ ...common, url: server.url, grpcUrl: server.grpcUrl }))
  await eventually(() => direct.remember(DEFAULT_TENANT, []), 30_000)
})
beforeEach(({ skip }) => {
  if (without !== undefined) skip(without)
  for (const way of Object.values(ways)) way.become({ is: 'open' })
})
afterAll(async () => opened.disposeAsync())

const kept = async (word: string): Promise<string[]> => {
  const page = { tenantId: DEFAULT_TENANT, agentId: 'default', limit: 1_000 }
  const contents = (await direct.list(page)).map(({ content }) => content)
  return contents.filter((content) => content.includes(word)).toSorted()
}

/** The Keeper's next round comes at once. */
async function makeDue(): Promise<void> {
  await rig.database.query({ text: 'UPDATE memory_outbox SET run_at = now()' })
}

/** How a batch fails: `spoil` begins it, and resolves when the way may be mended. */
const FAULTS = [
  {
    what: 'cut in the middle of a batch',
    manner: { is: 'short', afterBytes: BATCH_BYTES },
    isThere: () => expect(ways.grpc.cuts()).toBeGreaterThan(0),
  },
  {
    what: 'kept, and the answer lost',
    manner: { is: 'deaf', afterBytes: BATCH_BYTES },
    isThere: async (word: string, n: number) => expect(await kept(word)).toHaveLength(n),
  },
] as const

async function bringThrough(of: {
  rounds: number
  memory: Pick<MemoryStore, 'remember'>
  lose: () => Promise<void>
}): Promise<void> {
  for (let round = 0; round < of.rounds; round += 1) {
    const fault = FAULTS[round % FAULTS.length] ?? FAULTS[0]
    const word = `okapi${newId().slice(-8)}`
    const learnt = Array.from({ length: LESSONS }, (_, n) => `Lesson ${n} of ${word}. ${FILLING}`)
    for (const content of learnt) await learn(rig, content)
    // The collection is looked up by HTTP before; the answers of gRPC alone stay behind.
    await eventually(() => store.check(), 10_000)
    ways.grpc.become(fault.manner)
    const bringing = bring(rig, of.memory)
    await eventually(() => fault.isThere(word, LESSONS), 30_000)
    await bringing
    expect(await countPosted(rig.database), fault.what).toEqual({
      waiting: LESSONS,
      isRefused: true,
    })
    await of.lose()
    ways.grpc.become({ is: 'open' })
    await eventually(async () => {
      await makeDue()
      await bring(rig, of.memory)
      expect(await countPosted(rig.database)).toEqual({ waiting: 0, isRefused: false })
    }, 45_000)
    expect(await kept(word), fault.what).toEqual(learnt.toSorted())
  }
}

const rounds = sampleSize({ ci: 2, full: 40 })
const cuts = {
  id: 'weaviate-cuts',
  title: 'a batch that is cut, or whose answer is lost, is kept once',
  n: rounds,
  seed: 2,
  timeoutMs: rounds * 60_000,
}
guarantee(cuts, () => bringThrough({ rounds, memory: store, lose: async () => {} }))

control(
  { guard: 'the row that stays', test: 'weaviate-cuts', expect: /to deeply/, timeoutMs: 120_000 },
  () =>
    bringThrough({
      rounds: 1,
      memory: store,
      lose: async () => void (await rig.database.query({ text: 'DELETE FROM memory_outbox' })),
    }),
)

control(
  {
    guard: 'the id that a memory keeps',
    test: 'weaviate-cuts',
    expect: /the answer lost: expected \[/,
    timeoutMs: 120_000,
  },
  () => {
    const remember: MemoryStore['remember'] = (tenantId, memories) =>
      store.remember(
        tenantId,
        memories.map((memory) => ({ ...memory, id: newId() })),
      )
    return bringThrough({ rounds: 2, memory: { remember }, lose: async () => {} })
  },
)

/** Asks twice by a way that answers after a minute: the first waits, the second is not asked. */
async function expectSoon(of: { withinMs: number }): Promise<void> {
  await eventually(() => patient.check(), 10_000)
  const { withinMs } = of
  const recollect = openRecollection({ store: patient, sqlOf: () => rig.database, log, withinMs })
  const occasion = { tenantId: DEFAULT_TENANT, agentId: 'default', goalId: 'none' }
  const ask = () => recollect({ ...occasion, question: 'okapi', onlyTrusted: true })
  ways.grpc.become({ is: 'slow', delayMs: 60_000 })
  const before = ways.grpc.brought()
  const started = performance.now()
  await ask()
  expect(performance.now() - started, 'what a prompt waits').toBeLessThan(5 * WITHIN_MS)
  const brought = ways.grpc.brought()
  expect(brought, 'the memory was asked').toBeGreaterThan(before)
  const again = performance.now()
  await ask()
  expect(performance.now() - again, 'the pause').toBeLessThan(WITHIN_MS)
  expect(ways.grpc.brought(), 'the memory is left alone').toBe(brought)
}

guarantee(
  { id: 'recall-within', title: 'a slow memory costs a prompt a second, once', n: 1, seed: 3 },
  () => expectSoon({ withinMs: WITHIN_MS }),
)

control(
  { guard: 'the second of patience', test: 'recall-within', expect: /what a prompt waits/ },
  () => expectSoon({ withinMs: PATIENT_MS }),
)
