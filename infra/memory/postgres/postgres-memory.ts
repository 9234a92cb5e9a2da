import { ConflictError, InvariantError } from '@chimera/contracts/errors'
import {
  MAX_MEMORIES_OF_AGENT,
  type Memory,
  type Recalled,
} from '@chimera/contracts/judging/memory'

import { forgetMemories } from '../../database/memories/forget-memories.ts'
import { insertMemories } from '../../database/memories/insert-memories.ts'
import {
  listMemories,
  readMemories,
  readMemoryRows,
} from '../../database/memories/list-memories.ts'
import { memoryOf } from '../../database/memories/memory-row.ts'
import { readShelf, type ShelfNews, wordsOf } from '../../database/memories/search-memories.ts'
import type { Database, Sql } from '../../database/open-database.ts'
import type { RowScope } from '../../database/row-scope.ts'
import type { Embedder } from '../embedding/embedder.ts'
import { keepRank } from '../keep-rank.ts'
import type { MemoryStore, Question } from '../memory-store.ts'
import { weighRecall } from '../weigh-recall.ts'
import { MemoryShelf } from './memory-shelf.ts'
import { packVector } from './packed-vector.ts'

/** What words and vectors each propose, to be weighed against each other. */
const CANDIDATES = 50
/** What a process keeps at hand: 50,000 vectors of 384 places with their words, and some more. */
const MAX_SHELVES_BYTES = 64 * 1024 * 1024
/** A shelf with more than this share of forgotten vectors is read anew. */
const MOST_FORGOTTEN = 1.25
const FORGOTTEN_GRACE = 100

/**
 * Memory without another server: PostgreSQL's full text brings words into one form; words and
 * vectors are gone through in this process, kept at hand for each agent and brought up to date by
 * what was written since. Each statement sees the rows of one tenant, as `scopeOf` says it.
 */
export function openPostgresMemory(of: {
  database: Database
  embedder: Embedder
  /** How the role of the connection is held to a tenant. */
  scopeOf: (tenantId: string) => RowScope
  now?: () => Date
  /** For tests; MAX_MEMORIES_OF_AGENT otherwise. */
  most?: number
}): MemoryStore {
  const { database, embedder, scopeOf, now = () => new Date() } = of
  const shelves = new Shelves()
  return {
    backend: 'postgres',
    embedder: embedder.name,
    remember: async (tenantId, memories) => {
      const vectors = await embedder.embed(memories.map(textOf))
      const rows = memories.map((memory, at) => ({
        memory,
        keepRank: keepRank({ at: new Date(memory.timestamp), importance: memory.importance }),
        vector: packVector(vectors[at] ?? noVector(embedder)),
      }))
      const byAgent = Map.groupBy(rows, ({ memory }) => memory.agent_id)
      // In one order for everybody: two who remember for the same agents do not wait in a ring.
      const agents = [...byAgent].toSorted(([a], [b]) => (a < b ? -1 : 1))
      const most = of.most ?? MAX_MEMORIES_OF_AGENT
      await database.transaction(async (tx) => {
        for (const [agentId, own] of agents) {
          const shelf = { tenantId, agentId, embedder: embedder.name, most, rows: own }
          await insertMemories(tx, shelf)
        }
      }, scopeOf(tenantId))
    },
    recall: async (question) => {
      const [vector = noVector(embedder)] = await embedder.embed([question.question])
      const asked = packVector(vector)
      return database.transaction(
        (tx) => recall(tx, { ...question, asked, shelves, embedder, now: now() }),
        scopeOf(question.tenantId),
      )
    },
    forget: (tenantId, ids) =>
      database.transaction((tx) => forgetMemories(tx, { tenantId, ids }), scopeOf(tenantId)),
    find: async (tenantId, id) => {
      const read = (tx: Sql) => readMemories(tx, { tenantId, ids: [id] })
      const [memory] = await database.transaction(read, scopeOf(tenantId))
      return memory
    },
    list: (page) => database.transaction((tx) => listMemories(tx, page), scopeOf(page.tenantId)),
    check: async () => {
      await database.query({ text: 'SELECT' })
    },
    [Symbol.asyncDispose]: async () => shelves.clear(),
  }
}

/** What of a memory its vector is made of. */
const textOf = ({ content, relevance_tags: tags }: Memory): string => [content, ...tags].join(' ')

function noVector({ name }: Embedder): never {
  throw new InvariantError(`${name} answered fewer vectors than it was asked for.`)
}

async function recall(
  tx: Sql,
  of: Question & { asked: Int8Array; shelves: Shelves; embedder: Embedder; now: Date },
): Promise<Recalled[]> {
  const { tenantId, question, onlyTrusted = false, asked } = of
  const shelf = await of.shelves.upToDate(tx, { ...of, embedder: of.embedder.name })
  if (shelf === undefined) return []
  const limit = Math.max(CANDIDATES, of.limit)
  const near = shelf.nearest(asked, { limit, onlyTrusted })
  const words = shelf.holding(await wordsOf(tx, question), { limit, onlyTrusted })
  const ranks = new Map(words.map(({ id, score }) => [id, score]))
  const ids = [...new Set([...near.map(({ id }) => id), ...ranks.keys()])]
  const rows = await readMemoryRows(tx, { tenantId, ids })
  const fits = rows.map((row) => ({
    row,
    words: ranks.get(row.id) ?? 0,
    cosine: shelf.cosineOf(asked, row.id),
    at: row.timestamp,
    importance: row.importance,
  }))
  return weighRecall(fits, of).map(({ row, score, because }) => ({
    ...memoryOf(row),
    score,
    because,
  }))
}

/** Shelves by tenant and agent, the longest unused first. */
class Shelves {
  readonly #shelves = new Map<string, MemoryShelf>()

  clear(): void {
    this.#shelves.clear()
  }

  async upToDate(
    tx: Sql,
    of: { tenantId: string; agentId: string; embedder: string; asked: Int8Array },
  ): Promise<MemoryShelf | undefined> {
    const key = `${of.tenantId} ${of.agentId}`
    const known = this.#shelves.get(key) ?? new MemoryShelf(of.asked.length)
    let shelf = known
    let read = await readShelf(tx, { ...of, after: shelf.revision })
    if (read !== undefined && isStale(shelf, read)) {
      shelf = new MemoryShelf(of.asked.length)
      read = await readShelf(tx, { ...of, after: 0 })
    }
    if (read === undefined) return undefined
    if (read.isMixed) {
      throw new ConflictError(
        'MEMORY_EMBEDDER_MIXED',
        `Memories of ${of.agentId} have vectors of another embedder than ${of.embedder}; ` +
          'see docs/memory.md.',
      )
    }
    shelf.add(read.news)
    shelf.revision = Math.max(shelf.revision, read.revision)
    this.#shelves.delete(key)
    this.#shelves.set(key, shelf)
    this.#shrink()
    return shelf
  }

  #shrink(): void {
    let bytes = 0
    for (const shelf of this.#shelves.values()) bytes += shelf.byteSize
    for (const [key, shelf] of this.#shelves) {
      if (bytes <= MAX_SHELVES_BYTES || this.#shelves.size === 1) return
      bytes -= shelf.byteSize
      this.#shelves.delete(key)
    }
  }
}

/** Of another record, restored meanwhile, or mostly of what was forgotten. */
const isStale = (shelf: MemoryShelf, { revision, held, news }: ShelfNews): boolean =>
  revision < shelf.revision || shelf.size + news.length > held * MOST_FORGOTTEN + FORGOTTEN_GRACE
