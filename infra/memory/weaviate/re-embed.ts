import type { FilterValue } from 'weaviate-client'

import { embedMemories } from '../embedding/embed-memories.ts'
import type { Embedder } from '../embedding/embedder.ts'
import type { VectorCount } from '../memory-store.ts'
import { allOf } from './all-of.ts'
import { memoryOf } from './memory-object.ts'
import type { TenantMemories } from './open-collection.ts'
import { vectorOf } from './vector-of.ts'
import { isGone, vectorSizeError } from './weaviate-errors.ts'

/** Changed at once: each is a request of its own, for a batch would bring back forgotten ones. */
const AT_ONCE = 16

/** Memories of a tenant, or of one agent of it, and those of another embedder than this. */
export async function countVectors(
  own: TenantMemories,
  of: { agentId: string | undefined; embedder: string },
): Promise<VectorCount> {
  const filters = ofAgent(own, of.agentId)
  const [all, stale] = await Promise.all([
    own.aggregate.overAll(filters.length === 0 ? {} : { filters: allOf(...filters) }),
    own.aggregate.overAll({ filters: staleOf(own, of) }),
  ])
  return { held: all.totalCount, stale: stale.totalCount }
}

/**
 * Makes vectors anew where they stand, of the size that those of the tenant have. An object is
 * changed and not put: one that was forgotten meanwhile is not there any more, and stays away.
 */
export async function reEmbed(
  own: TenantMemories,
  of: { agentId?: string | undefined; embedder: Embedder; limit: number },
): Promise<{ found: number; renewed: number }> {
  const { embedder, limit } = of
  const filters = staleOf(own, { agentId: of.agentId, embedder: embedder.name })
  const { objects } = await own.query.fetchObjects({ filters, limit, includeVector: true })
  const vectors = await embedMemories(
    embedder,
    objects.map(({ properties }) => memoryOf(properties)),
  )
  const places = vectors.at(0)?.length
  const isOther = (size: number | undefined) => size !== undefined && size !== places
  if (objects.some((object) => isOther(vectorOf(object)?.length))) throw vectorSizeError(embedder)
  let renewed = 0
  for (let from = 0; from < objects.length; from += AT_ONCE) {
    const some = objects.slice(from, from + AT_ONCE)
    const done = await Promise.all(
      some.map(({ uuid }, at) =>
        own.data
          .update({
            id: uuid,
            properties: { embedder: embedder.name },
            vectors: [...(vectors[from + at] ?? [])],
          })
          .then(() => true, falseIfGone),
      ),
    )
    renewed += done.filter(Boolean).length
  }
  return { found: objects.length, renewed }
}

function falseIfGone(error: unknown): boolean {
  if (isGone(error)) return false
  throw error
}

const ofAgent = (own: TenantMemories, agentId: string | undefined): FilterValue[] =>
  agentId === undefined ? [] : [own.filter.byProperty('agent_id').equal(agentId)]

const staleOf = (
  own: TenantMemories,
  of: { agentId: string | undefined; embedder: string },
): FilterValue =>
  allOf(...ofAgent(own, of.agentId), own.filter.byProperty('embedder').notEqual(of.embedder))
