import type { WeaviateClient } from 'weaviate-client'

import { isWithoutSchedule } from './weaviate-errors.ts'

/**
 * Raise it when properties, tokens or what stands in them change: `chimera memory migrate` then
 * copies what there is into a collection of the new layout, and derives it anew.
 */
export const LAYOUT = 1

/** Makes a collection for memories; memories of a server without a schedule are kept for good. */
export async function createCollection(
  client: WeaviateClient,
  of: { name: string; description: string },
): Promise<void> {
  await create(client, { ...of, isCleared: true }).catch((error: unknown) => {
    // What has expired is not recalled either way; a server without the schedule keeps it.
    if (isWithoutSchedule(error)) return create(client, { ...of, isCleared: false })
    throw error
  })
}

async function create(
  client: WeaviateClient,
  of: { name: string; description: string; isCleared: boolean },
): Promise<void> {
  const { configure, dataType, tokenization, vectors } = await import('weaviate-client')
  const exact = (name: string) =>
    ({ name, dataType: dataType.TEXT, tokenization: tokenization.FIELD }) as const
  const unsearched = { indexSearchable: false, indexFilterable: false } as const
  const expiry = { property: 'expires_at', filterExpiredObjects: true }
  await client.collections.create({
    name: of.name,
    description: of.description,
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
