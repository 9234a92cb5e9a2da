import { RetryableError } from '@chimera/contracts/errors'
import type { Collection, WeaviateClient } from 'weaviate-client'

import type { MemoryProperties } from './memory-object.ts'
import { quietRetries } from './quiet-retries.ts'
import {
  COLLECTION,
  ensureVersions,
  readVersions,
  type Version,
  type Versions,
} from './versions.ts'
import { isNoTenant, translated } from './weaviate-errors.ts'

type MemoryCollection = Collection<MemoryProperties>
/** A collection as one tenant sees it. */
export type TenantMemories = ReturnType<MemoryCollection['withTenant']>

export type WeaviateAddress = Readonly<{
  url: string
  /** Its gRPC port, as in http://127.0.0.1:50051. */
  grpcUrl: string
  apiKey: string | undefined
  timeoutMs: number
}>

/** A collection that has to be written into. */
export type Written = Version & Readonly<{ isCurrent: boolean }>

/** A way to Weaviate that is made when it is needed, and made again after it broke. */
export type MemoryConnection = AsyncDisposable &
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
    /**
     * Does some work on the collection that counts and on the one that is being made, on those that
     * were left as well where it `reaches` all, from the oldest to the newest. It looks again
     * afterwards, until nothing is new: a collection that was begun, or took the place of the
     * other, in the middle of the work gets its share, and whoever copies sees what was done before
     * he began. Throws as `ask` does.
     */
    everywhere: (
      tenantId: string,
      reach: 'kept' | 'all',
      work: (memories: TenantMemories, version: Written) => Promise<void>,
    ) => Promise<void>
    /** For who moves memories from one collection to the next. Throws as `ask` does. */
    manage: <T>(work: (client: WeaviateClient) => Promise<T>) => Promise<T>
    check: () => Promise<void>
  }>

/** Collections that come and go while one write is done; more than one is a defect. */
const MAX_LOOKS = 5

/** Does not connect: a process starts while Weaviate is away, and goes on without it. */
export function openConnection(of: WeaviateAddress & { embedder: string }): MemoryConnection {
  let opened: Promise<{ client: WeaviateClient }> | undefined
  const open = async () => {
    const client = await connect(of)
    await ensureVersions(client, of)
    return { client }
  }
  const opening = () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
  const manage: MemoryConnection['manage'] = async (work) => {
    try {
      return await work((await opening()).client)
    } catch (error) {
      throw translated(error, of)
    }
  }
  return {
    manage,
    ask: (tenantId, work, ...otherwise) =>
      manage(async (client) => {
        try {
          return await work(memoriesOf(client, COLLECTION).withTenant(tenantId))
        } catch (error) {
          const [instead] = otherwise
          if (instead !== undefined && isNoTenant(error)) return instead
          throw error
        }
      }),
    everywhere: (tenantId, reach, work) =>
      manage(async (client) => {
        const done = new Set<string>()
        for (let look = 0; look < MAX_LOOKS; look += 1) {
          const left = reachedBy(reach, await versionsOf(client, of)).filter(
            ({ name }) => !done.has(name),
          )
          if (left.length === 0) return
          for (const version of left) {
            await work(memoriesOf(client, version.name).withTenant(tenantId), version)
            done.add(version.name)
          }
        }
        throw new RetryableError('UNAVAILABLE', 'Collections of memories come and go; try again.')
      }),
    check: () =>
      manage(async (client) => {
        const isReady = await client.isReady().catch(() => false)
        if (!isReady) throw new RetryableError('UNAVAILABLE', 'Weaviate is not ready.')
      }),
    [Symbol.asyncDispose]: async () => {
      const { client } = (await opened?.catch(() => undefined)) ?? {}
      await client?.close()
    },
  }
}

/** A collection by its own name, or by the one that is asked. */
export const memoriesOf = (client: WeaviateClient, name: string): MemoryCollection =>
  client.collections.use<string, MemoryProperties>(name)

/** In the order in which they are copied: what is forgotten leaves the source before the copy. */
function reachedBy(reach: 'kept' | 'all', versions: Versions): Written[] {
  const { current, next, old } = versions
  const reached = [...(reach === 'all' ? old : []), current, next]
  return reached
    .filter((version) => version !== undefined)
    .map((version) => ({ ...version, isCurrent: version === current }))
}

/** Somebody may have emptied Weaviate meanwhile. */
async function versionsOf(client: WeaviateClient, of: { embedder: string }): Promise<Versions> {
  const found = await readVersions(client)
  return found.current === undefined ? ensureVersions(client, of) : found
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
