/**
 * Memories on their way from one collection to the next: copied whole and once, whoever is stopped
 * and whatever is remembered and forgotten meanwhile, and asked in the old one until the new one
 * has everything.
 */
import { newId } from '@chimera/contracts/ids'
import type { Memory } from '@chimera/contracts/judging/memory'
import type { MovePlace, MoveStep } from '@chimera/contracts/judging/memory-upkeep'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { createCollection } from '@chimera/infra/memory/weaviate/create-collection'
import {
  type MemoryConnection,
  openConnection,
} from '@chimera/infra/memory/weaviate/open-collection'
import { readVersions } from '@chimera/infra/memory/weaviate/versions'
import { weaviateMemoryOn } from '@chimera/infra/memory/weaviate/weaviate-memory'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import { sampleMemory } from '../memory/sample-memory.ts'
import { versionedEmbedder } from '../memory/versioned-embedder.ts'
import { openOwnWeaviate, whyNoOwnWeaviate } from './own-weaviate.ts'

const opened = new AsyncDisposableStack()
let address: { url: string; grpcUrl: string; apiKey: string; timeoutMs: number }
let without: string | undefined

beforeAll(async () => {
  without = await whyNoOwnWeaviate()
  if (without !== undefined) return
  // Its own: a move is one of all tenants.
  const { url, grpcUrl, apiKey } = opened.use(await openOwnWeaviate())
  address = { url, grpcUrl, apiKey, timeoutMs: 20_000 }
})
beforeEach(async ({ skip }) => {
  if (without !== undefined) skip(without)
  await using connection = openConnection({ ...address, embedder: OLD.name })
  await connection.manage(async (client) => {
    await client.alias.delete('AgentMemory').catch(() => undefined)
    await client.collections.deleteAll()
  })
})
afterAll(() => opened.disposeAsync())

const OLD = versionedEmbedder('model@1')
/** Of another size: nothing can be changed where it stands. */
const newEmbedder = () => versionedEmbedder('model@2', { places: 64 })

type Guard = (connection: MemoryConnection) => MemoryConnection

function openStore(embedder: ReturnType<typeof newEmbedder>, guard: Guard = (all) => all) {
  const connection = guard(openConnection({ ...address, embedder: embedder.name }))
  return opened.use(weaviateMemoryOn(connection, { embedder }))
}

const RENEWAL = { limit: 7, isRenewal: true, dropsOld: false }

/** Steps to the end, and what came of each; `meanwhile` happens after each of them. */
async function move(
  store: MemoryStore,
  of: { order?: Partial<typeof RENEWAL>; meanwhile?: (step: MoveStep) => Promise<void> } = {},
): Promise<MoveStep> {
  let place: MovePlace | null = null
  for (;;) {
    const step: MoveStep = await store.migrate({ ...RENEWAL, ...of.order, place })
    if (step.place === null) return step
    await of.meanwhile?.(step)
    place = step.place
  }
}

const tenantIds = (n: number): string[] => Array.from({ length: n }, newId)

async function rememberSome(store: MemoryStore, tenantId: string, n: number): Promise<Memory[]> {
  const memories = Array.from({ length: n }, (_, at) =>
    sampleMemory(`Lesson ${at} says that fees of number${at} were low.`, {
      relevance_tags: [`tag${at}`],
      label: at % 2 === 0 ? 'untrusted' : 'derived',
      expires_at: at % 3 === 0 ? new Date(Date.now() + 86_400_000).toISOString() : null,
    }),
  )
  for (let from = 0; from < n; from += 500) {
    await store.remember(tenantId, memories.slice(from, from + 500))
  }
  return memories
}

async function listAll(store: MemoryStore, tenantId: string): Promise<Memory[]> {
  const all: Memory[] = []
  for (;;) {
    const page = await store.list({ tenantId, before: all.at(-1)?.id, limit: 500 })
    if (page.length === 0) return all
    all.push(...page)
  }
}
const newestFirst = (memories: readonly Memory[]): Memory[] =>
  memories.toSorted((a, b) => (a.id < b.id ? 1 : -1))
const ask = (store: MemoryStore, tenantId: string, question = 'fees of number3') =>
  store.recall({ tenantId, agentId: 'default', question, limit: 5 })

async function versions() {
  await using connection = openConnection({ ...address, embedder: OLD.name })
  return await connection.manage(async (client) => {
    const { current, next, old } = await readVersions(client)
    return { current: current?.name, next: next?.name, old: old.map(({ name }) => name) }
  })
}

test('vectors of another size are refused where they are, and moved with everything', async () => {
  const [one = '', other = ''] = tenantIds(2)
  const before = openStore(OLD)
  const memories = await rememberSome(before, one, 20)
  const others = await rememberSome(before, other, 3)
  const embedder = newEmbedder()
  const after = openStore(embedder)
  const otherSize = { code: 'MEMORY_VECTOR_SIZE', message: /chimera memory re-embed/ }
  await expect(after.reEmbed({ tenantId: one, limit: 5 })).rejects.toMatchObject(otherSize)
  await expect(after.remember(one, [sampleMemory('More.')])).rejects.toMatchObject(otherSize)
  // Recall goes on with what there was, for as long as it takes.
  const end = await move(after, {
    meanwhile: async () => {
      expect(await ask(before, one)).not.toEqual([])
    },
  })
  expect(end).toMatchObject({ phase: 'done', to: 'AgentMemory_v2', left: ['AgentMemory_v1'] })
  expect(await ask(after, one)).toMatchObject([{ id: memories[3]?.id }, {}, {}, {}, {}])
  expect(await listAll(after, one)).toEqual(newestFirst(memories))
  expect(await listAll(after, other)).toEqual(newestFirst(others))
  expect(await after.countVectors({ tenantId: one })).toEqual({ held: 20, stale: 0 })
  await expect(ask(before, one)).rejects.toMatchObject({ code: 'MEMORY_EMBEDDER_MIXED' })
  const gone = await after.migrate({ ...RENEWAL, isRenewal: false, dropsOld: true, place: null })
  expect(gone).toMatchObject({ phase: 'done', dropped: ['AgentMemory_v1'], left: [] })
  expect(await versions()).toEqual({ current: 'AgentMemory_v2', next: undefined, old: [] })
  expect(await listAll(after, one)).toHaveLength(20)
})

test('a collection of the first kind is copied, and leaves only when it is asked to', async () => {
  await using connection = openConnection({ ...address, embedder: OLD.name })
  await connection.manage(async (client) => {
    await client.alias.delete('AgentMemory')
    await client.collections.deleteAll()
    await createCollection(client, { name: 'AgentMemory', description: 'What agents remember.' })
  })
  const [tenantId = ''] = tenantIds(1)
  const store = openStore(OLD)
  const memories = await rememberSome(store, tenantId, 9)
  const asked = OLD.asked()
  const order = { isRenewal: false }
  expect(await move(store, { order })).toMatchObject({ phase: 'ready', from: 'AgentMemory' })
  expect(await versions()).toMatchObject({ current: 'AgentMemory', next: 'AgentMemory_v1' })
  const late = sampleMemory('Said between.')
  await store.remember(tenantId, [late])
  expect(await move(store, { order: { isRenewal: false, dropsOld: true } })).toMatchObject({
    phase: 'done',
    to: 'AgentMemory_v1',
  })
  expect(await versions()).toEqual({ current: 'AgentMemory_v1', next: undefined, old: [] })
  expect(await listAll(openStore(OLD), tenantId)).toEqual(newestFirst([...memories, late]))
  // Vectors that fit are taken along: only the late one was made.
  expect(OLD.asked() - asked).toBe(1)
  expect(await ask(store, tenantId)).not.toEqual([])
  expect(await move(store, { order })).toMatchObject({ phase: 'done', to: 'AgentMemory_v1' })
})

test('one who died between the two names is put right by whoever comes next', async () => {
  const [tenantId = ''] = tenantIds(1)
  const store = openStore(OLD)
  const memories = await rememberSome(store, tenantId, 3)
  await using connection = openConnection({ ...address, embedder: OLD.name })
  await connection.manage((client) => client.alias.delete('AgentMemory'))
  expect(await listAll(openStore(OLD), tenantId)).toEqual(newestFirst(memories))
})

test('a copy that was begun for another embedder makes room for the right one', async () => {
  const [tenantId = ''] = tenantIds(1)
  const before = openStore(OLD)
  const memories = await rememberSome(before, tenantId, 20)
  await openStore(versionedEmbedder('model@9', { places: 32 })).migrate({ ...RENEWAL, place: null })
  const embedder = newEmbedder()
  const after = openStore(embedder)
  expect(await move(after)).toMatchObject({ phase: 'done', to: 'AgentMemory_v3' })
  expect(await listAll(after, tenantId)).toEqual(newestFirst(memories))
  expect(await ask(after, tenantId)).not.toEqual([])
})

const n = sampleSize({ ci: 60, full: 10_000 })
const timeoutMs = 60_000 + 60 * n

/** Somebody remembers and forgets at first, and until the last step before the name changes. */
async function movedMeanwhile(of: { guard?: Guard }): Promise<void> {
  const [tenantId = '', newcomer = ''] = tenantIds(2)
  const busy = openStore(OLD, of.guard)
  const memories = await rememberSome(busy, tenantId, n)
  const embedder = newEmbedder()
  const after = openStore(embedder)
  const kept = new Map(memories.map((memory) => [memory.id, memory]))
  const late: Memory[] = []
  let steps = 0
  const end = await move(after, {
    order: { limit: Math.max(7, n / 20) },
    meanwhile: async ({ phase }) => {
      steps += 1
      if (phase === 'copy' && steps > 4) return
      const memory = sampleMemory(`Late lesson ${late.length}.`)
      late.push(memory)
      await busy.remember(tenantId, [memory])
      await busy.remember(newcomer, [{ ...memory, id: newId() }])
      kept.set(memory.id, memory)
      for (const id of [...kept.keys()].slice(0, 2)) {
        expect(await busy.forget(tenantId, [id])).toEqual([id])
        kept.delete(id)
      }
    },
  })
  expect(end.phase).toBe('done')
  const left = await listAll(after, tenantId)
  const idsOf = (all: readonly Memory[]) => all.map(({ id }) => id)
  const lost = idsOf([...kept.values()]).filter((id) => !new Set(idsOf(left)).has(id))
  expect(lost, 'memories that were lost').toEqual([])
  const back = left.filter(({ id }) => !kept.has(id))
  expect(back, 'memories that were forgotten and came back').toEqual([])
  expect(left).toEqual(newestFirst([...kept.values()]))
  expect(await listAll(after, newcomer)).toHaveLength(late.length)
  // What the embedder of before has made since the copy of its page is found and made anew.
  while ((await after.reEmbed({ tenantId, limit: 500 })).found > 0);
  expect(await ask(after, tenantId)).not.toEqual([])
  expect(await after.countVectors({ tenantId })).toEqual({ held: kept.size, stale: 0 })
}

/** Writes as before there were two collections. */
const onlyCurrent: Guard = (connection) => ({
  ...connection,
  everywhere: (tenantId, reach, work) =>
    connection.everywhere(tenantId, reach, async (own, version) => {
      if (version.isCurrent) await work(own, version)
    }),
})

/** As if what is forgotten were forgotten where it is asked for, and nowhere else. */
const forgetsInCurrent: Guard = (connection) => ({
  ...connection,
  everywhere: (tenantId, reach, work) =>
    connection.everywhere(tenantId, reach, async (own, version) => {
      if (reach === 'kept' || version.isCurrent) await work(own, version)
    }),
})

const meanwhile = { id: 'move-meanwhile', n, seed: 1, timeoutMs }
guarantee({ ...meanwhile, title: 'what is said and forgotten during a move is so after it' }, () =>
  movedMeanwhile({}),
)
control(
  {
    guard: 'the copy of what is remembered meanwhile',
    test: meanwhile.id,
    expect: /memories that were lost/,
    timeoutMs,
  },
  () => movedMeanwhile({ guard: onlyCurrent }),
)
control(
  {
    guard: 'forgetting in both',
    test: meanwhile.id,
    expect: /memories that were forgotten and came back/,
    timeoutMs,
  },
  () => movedMeanwhile({ guard: forgetsInCurrent }),
)

/** Stopped in every phase: another process begins at the first place each time. */
async function movedByMany(of: { lose: (store: MemoryStore) => Promise<void> }): Promise<void> {
  const [tenantId = ''] = tenantIds(1)
  const memories = await rememberSome(openStore(OLD), tenantId, n)
  const embedder = newEmbedder()
  const limit = Math.ceil(n / 6)
  for (const steps of [1, 3, 5]) {
    const stopped = openStore(embedder)
    let place: MovePlace | null = null
    for (let step = 0; step < steps; step += 1) {
      place = (await stopped.migrate({ ...RENEWAL, limit, place })).place
    }
    await of.lose(stopped)
  }
  const last = openStore(embedder)
  expect(await move(last, { order: { limit } })).toMatchObject({ phase: 'done' })
  expect(embedder.asked(), 'texts that the embedder was asked for').toBe(n)
  expect(await listAll(last, tenantId)).toEqual(newestFirst(memories))
}
const goesOn = { id: 'move-goes-on', n, seed: 1, timeoutMs }
guarantee({ ...goesOn, title: 'whoever is stopped in a move goes on with what is copied' }, () =>
  movedByMany({ lose: async () => {} }),
)
control(
  {
    guard: 'the copy that is kept',
    test: goesOn.id,
    expect: /texts that the embedder was asked for/,
    timeoutMs,
  },
  () =>
    movedByMany({
      lose: async () => {
        const { next = '' } = await versions()
        await using connection = openConnection({ ...address, embedder: OLD.name })
        await connection.manage((client) => client.collections.delete(next))
      },
    }),
)

test('two moves at once come to the same end', async () => {
  const [tenantId = ''] = tenantIds(1)
  const memories = await rememberSome(openStore(OLD), tenantId, 40)
  const both = [openStore(newEmbedder()), openStore(newEmbedder())]
  const ends = await Promise.all(both.map((store) => move(store)))
  expect(ends).toMatchObject([{ phase: 'done' }, { phase: 'done' }])
  expect(await versions()).toMatchObject({ next: undefined, old: ['AgentMemory_v1'] })
  expect(await listAll(openStore(newEmbedder()), tenantId)).toEqual(newestFirst(memories))
})
