import type { Config } from '@chimera/contracts/config'

import type { Database } from '../database/open-database.ts'
import type { RowScope } from '../database/row-scope.ts'
import { openEmbedder } from './embedding/open-embedder.ts'
import type { MemoryStore } from './memory-store.ts'
import { openPostgresMemory } from './postgres/postgres-memory.ts'

/** Opens the memory that the environment names. */
export function openMemory(of: {
  config: Config<'memory'>
  database: Database
  /** How the role of the connection is held to a tenant. */
  scopeOf: (tenantId: string) => RowScope
}): MemoryStore {
  const { config, database, scopeOf } = of
  return openPostgresMemory({ database, embedder: openEmbedder(config), scopeOf })
}
