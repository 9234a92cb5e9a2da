import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { keepLogin } from '@chimera/infra/database/logins/keep-login'
import { urlOfLogin } from '@chimera/infra/database/logins/url-of-login'
import { migrate } from '@chimera/infra/database/migrate'
import { openDatabase } from '@chimera/infra/database/open-database'
import type { Embedder } from '@chimera/infra/memory/embedding/embedder'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { openPostgresMemory } from '@chimera/infra/memory/postgres/postgres-memory'
import { openWeaviateMemory } from '@chimera/infra/memory/weaviate/weaviate-memory'
import { openPostgres } from '@chimera/infra/stack/postgres-server'
import { openWeaviate } from '@chimera/infra/stack/weaviate-server'
import { findWeaviateBinary } from '@chimera/infra/stack/weaviate/weaviate-binary'
import { openLog } from '@chimera/runtime/log'

import { openStateDir } from '../stack/bench-stack.ts'

/** A memory whose vectors are made by the embedder; it is closed with all others. */
type OpenStore = (embedder: Embedder) => MemoryStore

/** One kind of memory, and the process of its server where that is one of ours. */
type BenchStore = Readonly<{ open: OpenStore; pid: () => number | undefined }>

/** A PostgreSQL of the bench, with fsync; and Weaviate, where there is one. */
export async function openStores(of: {
  env: Readonly<Record<string, string | undefined>>
  log: (line: string) => void
}): Promise<AsyncDisposable & { stores: Partial<Record<'postgres' | 'weaviate', BenchStore>> }> {
  await using opening = new AsyncDisposableStack()
  const { stateDir } = opening.use(openStateDir())
  const postgres = opening.use(await openPostgres({ stateDir, log: of.log }))
  await migrate({ databaseUrl: postgres.url, log: () => undefined })
  const log = openLog({ name: 'bench', level: 'silent' })
  const owner = opening.use(openDatabase({ url: postgres.url, name: 'bench', log, max: 1 }))
  // As the swarm sees it: one tenant at a time, by the policies of the rows.
  const role = 'chimera_swarm'
  const url = urlOfLogin(postgres.url, await keepLogin(owner, { role: 'swarm' }))
  const database = opening.use(openDatabase({ url, name: 'bench', log, role }))
  const scopeOf = (tenantId: string) => ({ tenantIds: [tenantId] })
  const weaviate = await findWeaviate({ env: of.env, stateDir, stack: opening })
  const opened = opening.move()
  return {
    stores: {
      postgres: {
        open: (embedder) => opened.use(openPostgresMemory({ database, embedder, scopeOf })),
        pid: postgres.pid,
      },
      ...(weaviate === undefined
        ? {}
        : {
            weaviate: {
              open: (embedder) =>
                opened.use(openWeaviateMemory({ ...weaviate, timeoutMs: 60_000, embedder })),
              pid: weaviate.pid,
            },
          }),
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** The one that is named, else one of the bench's own with the limits that the stack gives it. */
async function findWeaviate(of: {
  env: Readonly<Record<string, string | undefined>>
  stateDir: string
  stack: AsyncDisposableStack
}) {
  const { WEAVIATE_URL: url, WEAVIATE_API_KEY: apiKey, PATH = '' } = of.env
  const { WEAVIATE_GRPC_URL: grpcUrl = 'http://127.0.0.1:50051' } = of.env
  if (url !== undefined) return { url, grpcUrl, apiKey, pid: () => undefined }
  const binary = await findWeaviateBinary(PATH)
  if (binary === undefined) return undefined
  const server = of.stack.use(await openWeaviate({ stateDir: of.stateDir, binary }))
  await server.ready()
  return { ...server, pid: server.supervised.pid }
}

/** Of the record of the bench. */
export const TENANT = DEFAULT_TENANT
