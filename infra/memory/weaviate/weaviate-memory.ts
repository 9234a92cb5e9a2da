import { InvariantError } from '@chimera/contracts/errors'
import {
  MAX_MEMORIES_OF_AGENT,
  type Memory,
  type Recalled,
} from '@chimera/contracts/judging/memory'
import { Label } from '@chimera/contracts/judging/provenance'
import type { FilterValue } from 'weaviate-client'

import { embedMemories } from '../embedding/embed-memories.ts'
import type { Embedder } from '../embedding/embedder.ts'
import type { MemoryPage, MemoryStore, Question } from '../memory-store.ts'
import { mixedError } from '../mixed-error.ts'
import { type Fit, weighRecall } from '../weigh-recall.ts'
import { allOf } from './all-of.ts'
import { deleteObjects, heldAmong, insertNew, type NewObject, PAGE } from './kept-objects.ts'
import { memoryOf, propertiesOf } from './memory-object.ts'
import { memoryWords } from './memory-words.ts'
import { moveStep } from './move-memories.ts'
import {
  type MemoryConnection,
  openConnection,
  type TenantMemories,
  type WeaviateAddress,
} from './open-collection.ts'
import { countVectors, reEmbed } from './re-embed.ts'
import type { Version } from './versions.ts'

/** What words and vectors each propose, to be weighed against each other. */
const CANDIDATES = 50
/** All labels but that of strangers. */
const TRUSTED = Label.options.filter((label) => label !== 'untrusted')
/** More than others are writing at once: each of theirs may look as if it were of any embedder. */
const MOST_STRANGE = 100

/**
 * Memory in Weaviate: one tenant of the collection for each tenant, the agent as a property. BM25
 * and vectors are asked side by side and weighed here, so that every answer can say why.
 */
export const openWeaviateMemory = (of: WeaviateAddress & Parts): MemoryStore =>
  weaviateMemoryOn(openConnection({ ...of, embedder: of.embedder.name }), of)

type Parts = {
  embedder: Embedder
  now?: () => Date
  /** For tests; MAX_MEMORIES_OF_AGENT otherwise. */
  most?: number
}

/** The memory on a connection of the caller's, which is closed with it. */
export function weaviateMemoryOn(connection: MemoryConnection, of: Parts): MemoryStore {
  const { embedder, now = () => new Date(), most = MAX_MEMORIES_OF_AGENT } = of
  return {
    backend: 'weaviate',
    embedder: embedder.name,
    remember: async (tenantId, memories) => {
      const vectors = await embedMemories(embedder, memories)
      const objects = memories.map((memory, at) => ({
        id: memory.id,
        properties: propertiesOf(memory, embedder.name),
        vectors: [...(vectors[at] ?? noVector(embedder))],
      }))
      const evicted: string[] = []
      await connection.everywhere(tenantId, 'kept', async (own, version) => {
        if (!version.isCurrent) {
          await insertNew(own, objectsFor(version, objects, embedder), embedder)
          for (const ids of pagesOf(evicted)) await deleteObjects(own, ids)
          return
        }
        await insertNew(own, objects, embedder)
        for (const agentId of new Set(memories.map(({ agent_id: id }) => id))) {
          evicted.push(...(await evict(own, agentId, most)))
        }
      })
    },
    recall: async (question) => {
      const [vector = noVector(embedder)] = await embedder.embed([question.question])
      const { name, vectorShare } = embedder
      const by = { embedder: name, vectorShare, now: now() }
      return connection.ask(
        question.tenantId,
        (own) => recall(own, { ...question, vector, ...by }),
        [],
      )
    },
    forget: async (tenantId, ids) => {
      const forgotten = new Set<string>()
      await connection.everywhere(tenantId, 'all', async (own, version) => {
        const held = version.isCurrent ? await heldAmong(own, ids) : []
        for (const id of held) forgotten.add(id)
        await deleteObjects(own, ids)
      })
      return [...forgotten].toSorted()
    },
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
    countVectors: ({ tenantId, agentId }) =>
      connection.ask(tenantId, (own) => countVectors(own, { agentId, embedder: embedder.name }), {
        held: 0,
        stale: 0,
      }),
    reEmbed: ({ tenantId, ...whose }) =>
      connection.ask(tenantId, (own) => reEmbed(own, { ...whose, embedder }), {
        found: 0,
        renewed: 0,
      }),
    migrate: (order) => connection.manage((client) => moveStep({ ...order, client, embedder })),
    check: connection.check,
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}

/**
 * As a collection takes them that is being made for some embedder: those of another come without a
 * vector, to be given one with the others, and are not lost.
 */
function objectsFor(
  version: Version,
  objects: readonly NewObject[],
  embedder: Embedder,
): readonly NewObject[] {
  if (version.embedder === embedder.name) return objects
  return objects.map(({ id, properties }) => ({ id, properties }))
}

function pagesOf(ids: readonly string[]): string[][] {
  const pages: string[][] = []
  for (let from = 0; from < ids.length; from += PAGE) pages.push(ids.slice(from, from + PAGE))
  return pages
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

/** Text can be compared by the server; the client's types know of numbers and dates alone. */
const keyBefore = (value: string): FilterValue => ({
  operator: 'LessThan',
  target: { property: 'key' },
  value,
})

function noVector({ name }: Embedder): never {
  throw new InvariantError(`${name} answered fewer vectors than it was asked for.`)
}

type Asked = Question &
  Readonly<{
    vector: Float32Array
    embedder: string
    vectorShare: number | undefined
    now: Date
  }>
type Candidate = Fit & { id: string }

/** Lets those go that are worth least; answers their ids. */
async function evict(own: TenantMemories, agentId: string, most: number): Promise<string[]> {
  const filters = own.filter.byProperty('agent_id').equal(agentId)
  const { totalCount } = await own.aggregate.overAll({ filters })
  const gone: string[] = []
  while (totalCount - gone.length > most) {
    const sort = own.sort.byProperty('keep_rank')
    const limit = Math.min(totalCount - gone.length - most, PAGE)
    const least = await own.query.fetchObjects({ filters, sort, limit, returnProperties: ['key'] })
    const ids = least.objects.map(({ uuid }) => uuid)
    if (ids.length === 0) return gone
    await deleteObjects(own, ids)
    gone.push(...ids)
  }
  return gone
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

/**
 * Whether another embedder made the vector of any. The server answers "not equal" from its index
 * of words and a count of objects, which are not written at once: each is looked at once more.
 */
async function hasStrange(own: TenantMemories, of: Asked): Promise<boolean> {
  const filters = allOf(
    own.filter.byProperty('agent_id').equal(of.agentId),
    own.filter.byProperty('embedder').notEqual(of.embedder),
  )
  const returnProperties = ['embedder' as const]
  const { objects } = await own.query.fetchObjects({
    filters,
    limit: MOST_STRANGE,
    returnProperties,
  })
  return objects.some(({ properties }) => properties.embedder !== of.embedder)
}

async function findCandidates(own: TenantMemories, of: Asked): Promise<Candidate[]> {
  const filters = allOf(
    own.filter.byProperty('agent_id').equal(of.agentId),
    own.filter.byProperty('expires_at').greaterThan(of.now),
    // By what they are: "not equal" finds what is being written under any label.
    ...(of.onlyTrusted === true ? [own.filter.byProperty('label').containsAny(TRUSTED)] : []),
  )
  const asked = {
    filters,
    limit: Math.max(CANDIDATES, of.limit),
    returnProperties: ['timestamp' as const, 'importance' as const],
  }
  const words = memoryWords(of.question)
  const [byWords, byVector] = await Promise.all([
    // Of words that every text has nothing is left, and to be asked for nothing is a fault to it.
    words === ''
      ? { objects: [] }
      : own.query.bm25(words, {
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
    const fit = { id: uuid, words: metadata?.score ?? 0, cosine }
    found.set(uuid, { ...fit, ...weightsOf(properties) })
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
