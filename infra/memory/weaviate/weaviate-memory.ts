import { ConflictError, InvariantError, RetryableError } from '@chimera/contracts/errors'
import {
  MAX_MEMORIES_OF_AGENT,
  type Memory,
  type Recalled,
} from '@chimera/contracts/judging/memory'
import type { FilterValue } from 'weaviate-client'

import type { Embedder } from '../embedding/embedder.ts'
import type { MemoryPage, MemoryStore, Question } from '../memory-store.ts'
import { type Fit, weighRecall } from '../weigh-recall.ts'
import { memoryOf, propertiesOf } from './memory-object.ts'
import { memoryWords } from './memory-words.ts'
import {
  isNoTenant,
  openConnection,
  type TenantMemories,
  type WeaviateAddress,
} from './open-collection.ts'

/** What words and vectors each propose, to be weighed against each other. */
const CANDIDATES = 50
/** Objects that one request deletes or looks for. */
const PAGE = 500

/**
 * Memory in Weaviate: one tenant of the collection for each tenant, the agent as a property. BM25
 * and vectors are asked side by side and weighed here, so that every answer can say why.
 */
export function openWeaviateMemory(
  of: WeaviateAddress & {
    embedder: Embedder
    now?: () => Date
    /** For tests; MAX_MEMORIES_OF_AGENT otherwise. */
    most?: number
  },
): MemoryStore {
  const { embedder, now = () => new Date(), most = MAX_MEMORIES_OF_AGENT } = of
  const connection = openConnection(of)
  return {
    backend: 'weaviate',
    embedder: embedder.name,
    remember: async (tenantId, memories) => {
      const texts = memories.map(({ content, relevance_tags: tags }) =>
        [content, ...tags].join(' '),
      )
      const vectors = await embedder.embed(texts)
      await connection.ask(tenantId, async (own) => {
        await insertNew(own, memories, (memory, at) => ({
          id: memory.id,
          properties: propertiesOf(memory, embedder.name),
          vectors: [...(vectors[at] ?? noVector(embedder))],
        }))
        for (const agentId of new Set(memories.map(({ agent_id: id }) => id))) {
          await evict(own, agentId, most)
        }
      })
    },
    recall: async (question) => {
      const [vector = noVector(embedder)] = await embedder.embed([question.question])
      return connection.ask(
        question.tenantId,
        (own) => recall(own, { ...question, vector, embedder: embedder.name, now: now() }),
        [],
      )
    },
    forget: (tenantId, ids) =>
      connection.ask(
        tenantId,
        async (own) => {
          const held = await heldAmong(own, ids)
          if (held.length > 0) await own.data.deleteMany(own.filter.byId().containsAny(held))
          return held
        },
        [],
      ),
    find: async (tenantId, id) => {
      const read = async (own: TenantMemories) => {
        const found = await own.query.fetchObjectById(id)
        const isGone = found === null || new Date(found.properties.expires_at) <= now()
        return isGone ? [] : [memoryOf(found.properties)]
      }
      const [memory] = await connection.ask(tenantId, read, [])
      return memory
    },
    list: (page) => connection.ask(page.tenantId, (own) => list(own, { ...page, now: now() }), []),
    check: connection.check,
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}

async function list(own: TenantMemories, of: MemoryPage & { now: Date }): Promise<Memory[]> {
  const { agentId, before, limit, now } = of
  const filters = allOf(
    own.filter.byProperty('expires_at').greaterThan(now),
    ...(agentId === undefined ? [] : [own.filter.byProperty('agent_id').equal(agentId)]),
    ...(before === undefined ? [] : [keyBefore(before)]),
  )
  const sort = own.sort.byProperty('key', false)
  const { objects } = await own.query.fetchObjects({ filters, sort, limit })
  return objects.map(({ properties }) => memoryOf(properties))
}

/** As the client writes it, which is loaded only where there is a Weaviate. */
const allOf = (...filters: FilterValue[]): FilterValue => ({
  operator: 'And',
  filters,
  value: null,
})

/** Text can be compared by the server; the client's types know of numbers and dates alone. */
const keyBefore = (value: string): FilterValue => ({
  operator: 'LessThan',
  target: { property: 'key' },
  value,
})

function noVector({ name }: Embedder): never {
  throw new InvariantError(`${name} answered fewer vectors than it was asked for.`)
}

type Asked = Question & Readonly<{ vector: Float32Array; embedder: string; now: Date }>
type Candidate = Fit & { id: string }

type NewObject = Readonly<{
  id: string
  properties: ReturnType<typeof propertiesOf>
  vectors: number[]
}>

/** What is there under an id stays: Weaviate itself would put the later one in its place. */
async function insertNew(
  own: TenantMemories,
  memories: readonly Memory[],
  toObject: (memory: Memory, at: number) => NewObject,
): Promise<void> {
  const ids = memories.map(({ id }) => id)
  const held = new Set(await heldAmong(own, ids).catch(noneOfNobody))
  const objects = memories.map(toObject).filter(({ id }) => !held.has(id))
  if (objects.length === 0) return
  const { hasErrors, errors } = await own.data.insertMany(objects)
  if (!hasErrors) return
  const [first] = Object.values(errors)
  const message = `Weaviate took not every memory: ${first?.message ?? 'it does not say why'}`
  throw new RetryableError('UNAVAILABLE', message)
}

/** A tenant of whom nothing was kept yet has nothing. Whoever did not answer may hold anything. */
function noneOfNobody(error: unknown): string[] {
  if (isNoTenant(error)) return []
  throw error
}

async function heldAmong(own: TenantMemories, ids: readonly string[]): Promise<string[]> {
  const filters = own.filter.byId().containsAny([...ids])
  const found = await own.query.fetchObjects({ filters, limit: PAGE, returnProperties: ['key'] })
  return found.objects.map(({ uuid }) => uuid).toSorted()
}

async function evict(own: TenantMemories, agentId: string, most: number): Promise<void> {
  const filters = own.filter.byProperty('agent_id').equal(agentId)
  const { totalCount } = await own.aggregate.overAll({ filters })
  let over = totalCount - most
  while (over > 0) {
    const sort = own.sort.byProperty('keep_rank')
    const limit = Math.min(over, PAGE)
    const least = await own.query.fetchObjects({ filters, sort, limit, returnProperties: ['key'] })
    const ids = least.objects.map(({ uuid }) => uuid)
    if (ids.length === 0) return
    await own.data.deleteMany(own.filter.byId().containsAny(ids))
    over -= ids.length
  }
}

/**
 * Words, vectors and the question whether others made some of them are asked side by side, for what
 * is weighed alone; only what is answered is read whole.
 */
async function recall(own: TenantMemories, of: Asked): Promise<Recalled[]> {
  const isMixed = hasStrange(own, of)
  const candidates = findCandidates(own, of)
  // Vectors of other lengths cannot even be compared: why they are there says more.
  candidates.catch(() => undefined)
  if (await isMixed) throw mixedError(of)
  const best = weighRecall(await candidates, of)
  if (best.length === 0) return []
  const filters = own.filter.byId().containsAny(best.map(({ id }) => id))
  const { objects } = await own.query.fetchObjects({ filters, limit: best.length })
  const memories = new Map(objects.map(({ uuid, properties }) => [uuid, memoryOf(properties)]))
  return best.flatMap(({ id, score, because }) => {
    const memory = memories.get(id)
    return memory === undefined ? [] : [{ ...memory, score, because }]
  })
}

async function hasStrange(own: TenantMemories, of: Asked): Promise<boolean> {
  const filters = allOf(
    own.filter.byProperty('agent_id').equal(of.agentId),
    own.filter.byProperty('embedder').notEqual(of.embedder),
  )
  const { objects } = await own.query.fetchObjects({ filters, limit: 1, returnProperties: [] })
  return objects.length > 0
}

async function findCandidates(own: TenantMemories, of: Asked): Promise<Candidate[]> {
  const filters = allOf(
    own.filter.byProperty('agent_id').equal(of.agentId),
    own.filter.byProperty('expires_at').greaterThan(of.now),
    ...(of.onlyTrusted === true ? [own.filter.byProperty('label').notEqual('untrusted')] : []),
  )
  const asked = {
    filters,
    limit: Math.max(CANDIDATES, of.limit),
    returnProperties: ['timestamp' as const, 'importance' as const],
  }
  const [byWords, byVector] = await Promise.all([
    own.query.bm25(memoryWords(of.question), {
      ...asked,
      queryProperties: ['words'],
      includeVector: true,
      returnMetadata: ['score'],
    }),
    own.query.nearVector([...of.vector], { ...asked, returnMetadata: ['distance'] }),
  ])
  const found = new Map<string, Candidate>()
  for (const { uuid, properties, metadata } of byVector.objects) {
    const cosine = 1 - (metadata?.distance ?? 1)
    found.set(uuid, { id: uuid, words: 0, cosine, ...weightsOf(properties) })
  }
  for (const { uuid, properties, metadata, vectors } of byWords.objects) {
    const cosine = found.get(uuid)?.cosine ?? cosineOf(of.vector, Object.values(vectors).at(0))
    const words = metadata?.score ?? 0
    found.set(uuid, { id: uuid, words, cosine, ...weightsOf(properties) })
  }
  return [...found.values()]
}

type Weight = 'at' | 'importance'
const weightsOf = (of: { timestamp: string; importance: number }): Pick<Fit, Weight> => ({
  at: new Date(of.timestamp),
  importance: of.importance,
})

/** Both have length 1. */
const cosineOf = (asked: Float32Array, vector: unknown): number =>
  Array.isArray(vector)
    ? asked.reduce((sum, value, at) => sum + value * Number(vector[at] ?? 0), 0)
    : 0

const mixedError = ({ agentId, embedder }: { agentId: string; embedder: string }) =>
  new ConflictError(
    'MEMORY_EMBEDDER_MIXED',
    `Memories of ${agentId} have vectors of another embedder than ${embedder}; ` +
      'see docs/memory.md.',
  )
