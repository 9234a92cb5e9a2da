import { ChimeraError, RetryableError } from '@chimera/contracts/errors'
import type { Collection, WeaviateClient } from 'weaviate-client'

import type { MemoryProperties } from './memory-object.ts'
import { quietRetries } from './quiet-retries.ts'

/** C21. */
const COLLECTION = 'AgentMemory'

type MemoryCollection = Collection<MemoryProperties, typeof COLLECTION>
/** The collection as one tenant sees it. */
export type TenantMemories = ReturnType<MemoryCollection['withTenant']>

export type WeaviateAddress = Readonly<{
  url: string
  /** Its gRPC port, as in http://127.0.0.1:50051. */
  grpcUrl: string
  apiKey: string | undefined
  timeoutMs: number
}>

/** A way to Weaviate that is made when it is needed, and made again after it broke. */
type MemoryConnection = AsyncDisposable &
  Readonly<{
    /**
     * Asks as one tenant. Throws RetryableError(UNAVAILABLE) for whatever Weaviate or the way to it
     * did, and answers `otherwise` where the tenant has no memories yet.
     */
    ask: <T>(
      tenantId: string,
      work: (memories: TenantMemories) => Promise<T>,
      otherwise?: T,
    ) => Promise<T>
    check: () => Promise<void>
  }>

/** Does not connect: a process starts while Weaviate is away, and goes on without it. */
export function openConnection(of: WeaviateAddress): MemoryConnection {
  let opened: Promise<{ client: WeaviateClient; memories: MemoryCollection }> | undefined
  const open = async () => {
    const client = await connect(of)
    return { client, memories: await ensureCollection(client) }
  }
  const opening = () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
  const translated = (error: unknown): ChimeraError =>
    error instanceof ChimeraError
      ? error
      : new RetryableError('UNAVAILABLE', 'Weaviate does not answer; is it running?', {
          cause: error,
        })
  return {
    ask: async (tenantId, work, ...otherwise) => {
      try {
        const { memories } = await opening()
        return await work(memories.withTenant(tenantId))
      } catch (error) {
        const [instead] = otherwise
        if (instead !== undefined && isNoTenant(error)) return instead
        throw translated(error)
      }
    },
    check: async () => {
      const { client } = await opening().catch((error: unknown) => {
        throw translated(error)
      })
      const isReady = await client.isReady().catch(() => false)
      if (!isReady) throw new RetryableError('UNAVAILABLE', 'Weaviate is not ready.')
    },
    [Symbol.asyncDispose]: async () => {
      const { client } = (await opened?.catch(() => undefined)) ?? {}
      await client?.close()
    },
  }
}

async function connect(of: WeaviateAddress): Promise<WeaviateClient> {
  const { default: weaviate, ApiKey } = await import('weaviate-client')
  await quietRetries()
  const [http, grpc] = [new URL(of.url), new URL(of.grpcUrl)]
  const seconds = of.timeoutMs / 1_000
  return weaviate.connectToCustom({
    httpHost: http.hostname,
    httpPort: portOf(http),
    httpSecure: http.protocol === 'https:',
    grpcHost: grpc.hostname,
    grpcPort: portOf(grpc),
    grpcSecure: grpc.protocol === 'https:',
    timeout: { init: seconds, query: seconds, insert: seconds },
    skipInitChecks: true,
    ...(of.apiKey === undefined ? {} : { authCredentials: new ApiKey(of.apiKey) }),
  })
}

const portOf = ({ port, protocol }: URL): number =>
  port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)

/** Makes the collection when it is not there; two that make it at once are harmless. */
async function ensureCollection(client: WeaviateClient): Promise<MemoryCollection> {
  const named = () => client.collections.use<typeof COLLECTION, MemoryProperties>(COLLECTION)
  if (await client.collections.exists(COLLECTION)) return named()
  try {
    await create(client, { isCleared: true }).catch((error: unknown) => {
      // What has expired is not recalled either way; a server without the schedule keeps it.
      if (isWithoutSchedule(error)) return create(client, { isCleared: false })
      throw error
    })
  } catch (error) {
    if (!(await client.collections.exists(COLLECTION))) throw error
  }
  return named()
}

async function create(client: WeaviateClient, of: { isCleared: boolean }): Promise<void> {
  const { configure, dataType, tokenization, vectors } = await import('weaviate-client')
  const exact = (name: string) =>
    ({ name, dataType: dataType.TEXT, tokenization: tokenization.FIELD }) as const
  const unsearched = { indexSearchable: false, indexFilterable: false } as const
  const expiry = { property: 'expires_at', filterExpiredObjects: true }
  await client.collections.create({
    name: COLLECTION,
    description: 'What agents of Chimera remember.',
    properties: [
      { name: 'content', dataType: dataType.TEXT, ...unsearched },
      exact('agent_id'),
      { name: 'relevance_tags', dataType: dataType.TEXT_ARRAY, tokenization: tokenization.FIELD },
      { name: 'timestamp', dataType: dataType.DATE },
      exact('kind'),
      exact('label'),
      { name: 'sources', dataType: dataType.TEXT, ...unsearched },
      exact('goal_id'),
      exact('task_id'),
      { name: 'importance', dataType: dataType.NUMBER },
      { name: 'expires_at', dataType: dataType.DATE },
      { name: 'keep_rank', dataType: dataType.NUMBER },
      exact('embedder'),
      exact('key'),
      { name: 'words', dataType: dataType.TEXT, tokenization: tokenization.WHITESPACE },
    ],
    vectorizers: vectors.selfProvided(),
    multiTenancy: configure.multiTenancy({ enabled: true, autoTenantCreation: true }),
    ...(of.isCleared ? { objectTTL: configure.objectTTL.deleteByDateProperty(expiry) } : {}),
  })
}

/** OBJECTS_TTL_DELETE_SCHEDULE is not set there. */
const isWithoutSchedule = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('OBJECTS_TTL_DELE')

/** The server's own words: a tenant is made by its first memory. */
export const isNoTenant = (error: unknown): boolean =>
  error instanceof Error && /tenant not found|tenant .*not found/i.test(error.message)
