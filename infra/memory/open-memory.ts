import type { Config } from '@chimera/contracts/config'
import { ConfigError } from '@chimera/runtime/config'

import type { Database } from '../database/open-database.ts'
import type { RowScope } from '../database/row-scope.ts'
import { openEmbedder } from './embedding/open-embedder.ts'
import type { MemoryStore } from './memory-store.ts'
import { openPostgresMemory } from './postgres/postgres-memory.ts'
import type { WeaviateAddress } from './weaviate/open-collection.ts'
import { openWeaviateMemory } from './weaviate/weaviate-memory.ts'

/** Weaviate's own. */
const GRPC_PORT = '50051'

/** Opens the memory that the environment names. */
export function openMemory(of: {
  config: Config<'memory'>
  database: Database
  /** How the role of the connection is held to a tenant. */
  scopeOf: (tenantId: string) => RowScope
}): MemoryStore {
  const { config, database, scopeOf } = of
  const embedder = openEmbedder(config)
  const { WEAVIATE_URL: url } = config
  if (url === undefined) return openPostgresMemory({ database, embedder, scopeOf })
  return openWeaviateMemory({ ...weaviateAddress(config, url), embedder })
}

/** Where the Weaviate of a configuration is. Throws ConfigError for what is no URL. */
export function weaviateAddress(config: Config<'memory'>, url: string): WeaviateAddress {
  return {
    url: urlOf('WEAVIATE_URL', url).href,
    grpcUrl: grpcOf(config, url).href,
    apiKey: config.WEAVIATE_API_KEY,
    timeoutMs: config.MEMORY_TIMEOUT_MS,
  }
}

function grpcOf(config: Config<'memory'>, url: string): URL {
  if (config.WEAVIATE_GRPC_URL !== undefined) {
    return urlOf('WEAVIATE_GRPC_URL', config.WEAVIATE_GRPC_URL)
  }
  const grpc = urlOf('WEAVIATE_URL', url)
  grpc.port = GRPC_PORT
  return grpc
}

function urlOf(name: string, url: string): URL {
  const parsed = URL.parse(url)
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) return parsed
  throw new ConfigError([{ pointer: name, detail: 'has to be a URL of http or https' }])
}
