/** The memories that there are, each as the product opens it. */
import { newId } from '@chimera/contracts/ids'
import { openDatabase } from '@chimera/infra/database/open-database'
import type { Embedder } from '@chimera/infra/memory/embedding/embedder'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { openPostgresMemory } from '@chimera/infra/memory/postgres/postgres-memory'
import { openConnection } from '@chimera/infra/memory/weaviate/open-collection'
import { weaviateMemoryOn } from '@chimera/infra/memory/weaviate/weaviate-memory'
import { openLog } from '@chimera/runtime/log'
import { inject } from 'vitest'

import { openFreshDatabase, urlAs } from '../fresh-database.ts'
import {
  scopeOfAll,
  withoutAgents,
  withoutCondition,
  withoutTenants,
  type MemoryFilter,
} from './without-filters.ts'

/** PostgreSQL keeps tenants apart twice: each can be left out alone. */
export type MemoryGuard = MemoryFilter | 'policy of the rows' | 'tenant in the statements'

export type StoreWish = Readonly<{
  embedder?: Embedder
  most?: number
  /** What is left out of the store. */
  without?: MemoryGuard | undefined
}>

/** One place of memories, and as many ways into it as a test asks for. */
export type MemoryRig = AsyncDisposable &
  Readonly<{
    /** Ids of tenants that there are. */
    tenants: readonly [string, string, ...string[]]
    /** How a process of its own reaches them. */
    elsewhere:
      | { databaseUrl: string }
      | { url: string; grpcUrl: string; apiKey: string | undefined }
    /** Another process's way to the same memories; it is closed with the rig. */
    open: (wish?: StoreWish) => Promise<MemoryStore>
  }>

/** Memory in a PostgreSQL of its own, seen as the swarm sees it: one tenant at a time. */
export async function openPostgresRig(of: { tenants: number }): Promise<MemoryRig> {
  await using opening = new AsyncDisposableStack()
  const log = openLog({ name: 'memory-test', level: 'silent' })
  const owner = opening.use(await openFreshDatabase())
  const [first = '', second = '', ...others] = Array.from({ length: of.tenants }, newId)
  await owner.query({
    text: `INSERT INTO tenants (id, name) SELECT id, 't' FROM unnest($1::uuid[]) AS id`,
    values: [[first, second, ...others]],
  })
  const url = urlAs('chimera_swarm', owner.databaseUrl)
  const stack = opening.move()
  return {
    tenants: [first, second, ...others],
    elsewhere: { databaseUrl: url },
    open: async ({ embedder = lexicalEmbedder, most, without } = {}) => {
      const role = 'chimera_swarm'
      const database = stack.use(openDatabase({ url, name: 'memory-test', log, role, max: 4 }))
      const isOpen = without === 'tenant' || without === 'policy of the rows'
      const condition = conditionOf(without)
      const store = openPostgresMemory({
        database: condition === undefined ? database : withoutCondition(database, condition),
        embedder,
        scopeOf: isOpen
          ? scopeOfAll([first, second, ...others])
          : (tenantId) => ({ tenantIds: [tenantId] }),
        ...(most === undefined ? {} : { most }),
      })
      return stack.use(store)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function conditionOf(without: MemoryGuard | undefined): MemoryFilter | undefined {
  if (without === 'policy of the rows') return undefined
  return without === 'tenant in the statements' ? 'tenant' : without
}

/** Said by the summary, so that nobody takes what was not tried for what holds. */
export function whyNoWeaviate(): string | undefined {
  const found = inject('weaviate')
  return 'missing' in found ? `NO WEAVIATE, HALF OF MEMORY NOT TRIED: ${found.missing}` : undefined
}

/** Where the Weaviate of these tests is. */
export function getWeaviate(): { url: string; grpcUrl: string; apiKey: string | undefined } {
  const found = inject('weaviate')
  if ('missing' in found) throw new Error(found.missing)
  return found
}

/** Memory in the Weaviate of these tests, under tenants that nobody had before. */
export async function openWeaviateRig(of: { tenants: number }): Promise<MemoryRig> {
  const server = getWeaviate()
  const [first = '', second = '', ...others] = Array.from({ length: of.tenants }, newId)
  const stack = new AsyncDisposableStack()
  return {
    tenants: [first, second, ...others],
    elsewhere: server,
    open: async ({ embedder = lexicalEmbedder, most, without } = {}) => {
      const connect = connectWithout(without)
      const connection = connect({ ...server, timeoutMs: 20_000, embedder: embedder.name })
      const parts = { embedder, ...(most === undefined ? {} : { most }) }
      return stack.use(weaviateMemoryOn(connection, parts))
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function connectWithout(without: MemoryGuard | undefined): typeof openConnection {
  if (without === 'tenant') return withoutTenants(openConnection)
  return without === 'agent' ? withoutAgents(openConnection) : openConnection
}
