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
import { openLog } from '@chimera/runtime/log'

import { openStateDir } from '../stack/bench-stack.ts'

/** A memory whose vectors are made by the embedder; it is closed with all others. */
export type OpenStore = (embedder: Embedder) => MemoryStore

/** A PostgreSQL of the bench, with fsync; and the Weaviate of WEAVIATE_URL, where it is set. */
export async function openStores(of: {
  env: Readonly<Record<string, string | undefined>>
  log: (line: string) => void
}): Promise<AsyncDisposable & { stores: Partial<Record<'postgres' | 'weaviate', OpenStore>> }> {
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
  const { WEAVIATE_URL: weaviate, WEAVIATE_GRPC_URL: grpcUrl = 'http://127.0.0.1:50051' } = of.env
  const opened = opening.move()
  const server = { url: weaviate ?? '', grpcUrl, apiKey: undefined, timeoutMs: 60_000 }
  const openOnWeaviate: OpenStore = (embedder) =>
    opened.use(openWeaviateMemory({ ...server, embedder }))
  return {
    stores: {
      postgres: (embedder) => opened.use(openPostgresMemory({ database, embedder, scopeOf })),
      ...(weaviate === undefined ? {} : { weaviate: openOnWeaviate }),
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Of the record of the bench. */
export const TENANT = DEFAULT_TENANT
