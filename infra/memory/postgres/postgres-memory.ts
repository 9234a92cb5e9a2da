import { InvariantError } from '@chimera/contracts/errors'
import { MAX_MEMORIES_OF_AGENT, type Recalled } from '@chimera/contracts/judging/memory'
import type { MoveStep } from '@chimera/contracts/judging/memory-upkeep'

import { forgetMemories } from '../../database/memories/forget-memories.ts'
import { insertMemories } from '../../database/memories/insert-memories.ts'
import { listMemories, readMemories } from '../../database/memories/list-memories.ts'
import { memoryOf, type MemoryRow } from '../../database/memories/memory-row.ts'
import {
  lookAtShelf,
  type PageMark,
  readCandidates,
  readShelfPage,
  wordsOf,
} from '../../database/memories/search-memories.ts'
import { countVectors } from '../../database/memories/stale-vectors.ts'
import type { Database, Sql } from '../../database/open-database.ts'
import type { RowScope } from '../../database/row-scope.ts'
import { embedMemories } from '../embedding/embed-memories.ts'
import type { Embedder } from '../embedding/embedder.ts'
import { keepRank } from '../keep-rank.ts'
import type { MemoryStore, Question } from '../memory-store.ts'
import { mixedError } from '../mixed-error.ts'
import { type Fit, weighRecall } from '../weigh-recall.ts'
import { MemoryShelves } from './memory-shelves.ts'
import { packVector } from './packed-vector.ts'
import { reEmbed } from './re-embed.ts'

/** What words and vectors each propose, to be weighed against each other. */
const CANDIDATES = 50
/** What was found to be forgotten meanwhile makes room for others, which are looked for again. */
const MOST_LOOKS = 5

const NOTHING_TO_MOVE: MoveStep = {
  phase: 'done',
  from: null,
  to: 'memories',
  held: null,
  passed: 0,
  written: 0,
  place: null,
}

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
  /** For tests; shelves of its own otherwise. */
  shelves?: MemoryShelves
}): MemoryStore {
  const { database, embedder, scopeOf, now = () => new Date() } = of
  const { shelves = new MemoryShelves() } = of
  return {
    backend: 'postgres',
    embedder: embedder.name,
    remember: async (tenantId, memories) => {
      const vectors = await embedMemories(embedder, memories)
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
      const scope = scopeOfRecall(scopeOf(question.tenantId))
      const { name, vectorShare } = embedder
      const by = { embedder: name, vectorShare, now: now() }
      return recall({ ...question, asked: packVector(vector), ...by, database, scope, shelves })
    },
    forget: (tenantId, ids) =>
      database.transaction((tx) => forgetMemories(tx, { tenantId, ids }), scopeOf(tenantId)),
    find: async (tenantId, id) => {
      const read = (tx: Sql) => readMemories(tx, { tenantId, ids: [id] })
      const [memory] = await database.transaction(read, scopeOf(tenantId))
      return memory
    },
    list: (page) => database.transaction((tx) => listMemories(tx, page), scopeOf(page.tenantId)),
    countVectors: (whose) =>
      database.transaction(
        (tx) => countVectors(tx, { ...whose, embedder: embedder.name }),
        scopeOf(whose.tenantId),
      ),
    reEmbed: (whose) => reEmbed({ ...whose, database, embedder, scopeOf }),
    // Tables change by the migrations of the database, and vectors of any size stand side by side.
    migrate: async () => ({ ...NOTHING_TO_MOVE }),
    check: async () => {
      await database.query({ text: 'SELECT' })
    },
    [Symbol.asyncDispose]: async () => shelves.clear(),
  }
}

/** A recall is never worth going through all memories. */
export const scopeOfRecall = (scope: RowScope): RowScope => ({ ...scope, byIndex: true })

function noVector({ name }: Embedder): never {
  throw new InvariantError(`${name} answered fewer vectors than it was asked for.`)
}

type Asked = Question &
  Readonly<{
    asked: Int8Array
    embedder: string
    vectorShare: number | undefined
    now: Date
    database: Database
    scope: RowScope
    shelves: MemoryShelves
  }>

/**
 * A look at how far the memories have got, and the rows of what fits: two trips to the record, and
 * nobody has a connection while vectors are gone through.
 */
async function recall(of: Asked): Promise<Recalled[]> {
  const { database, scope, shelves } = of
  const key = `${of.tenantId} ${of.agentId}`
  const one: Sql = { query: (statement) => database.query(statement, scope) }
  const readPage = async (after: PageMark, limit: number) => {
    const { rows, isMixed } = await readShelfPage(one, { ...of, after, limit })
    if (isMixed) throw mixedError(of)
    return rows
  }
  const search = {
    asked: of.asked,
    limit: Math.max(CANDIDATES, of.limit),
    onlyTrusted: of.onlyTrusted ?? false,
  }
  for (let looks = 1; ; looks += 1) {
    const known = shelves.revisionOf(key)
    // Both go out in one packet.
    const ask = (tx: Sql) => Promise.all([lookAtShelf(tx, of), wordsOf(tx, of.question)])
    const [look, words] = await database.transaction(ask, scope)
    if (look === undefined) return []
    if (look.isMixed) throw mixedError(of)
    const wish = { key, places: of.asked.length, look, known, readPage }
    const found = await shelves.search(wish, (shelf) => shelf.candidates({ ...search, words }))
    const rows = await readCandidates(one, { ...of, ids: found.map(({ id }) => id) })
    const byId = new Map(found.map((candidate) => [candidate.id, candidate]))
    const fits = rows.flatMap(({ revision, ...row }) => {
      const candidate = byId.get(row.id)
      // Written again meanwhile: whether strangers had a part in it is to be read anew.
      const isSame = candidate?.revision === Number(revision) && row.agent_id === of.agentId
      if (!isSame) return []
      return [{ ...candidate, row, at: row.timestamp, importance: row.importance }]
    })
    if (fits.length === found.length || looks === MOST_LOOKS) return answerOf(fits, of)
    for (const { id } of fits) byId.delete(id)
    shelves.drop(key, [...byId.values()])
  }
}

const answerOf = (fits: readonly (Fit & { row: MemoryRow })[], of: Asked): Recalled[] =>
  weighRecall(fits, of).map(({ row, score, because }) => ({
    ...memoryOf(row),
    score,
    because,
  }))
