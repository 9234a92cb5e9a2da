import { findStale, renewVectors } from '../../database/memories/stale-vectors.ts'
import type { Database } from '../../database/open-database.ts'
import type { RowScope } from '../../database/row-scope.ts'
import { embedMemories } from '../embedding/embed-memories.ts'
import type { Embedder } from '../embedding/embedder.ts'
import type { Ownership } from '../memory-store.ts'
import { packVector } from './packed-vector.ts'

/**
 * Makes vectors anew for some memories of another embedder. The embedder is asked before anything
 * is locked: it may take seconds, and others remember meanwhile.
 */
export async function reEmbed(
  of: Ownership & {
    limit: number
    database: Database
    embedder: Embedder
    scopeOf: (tenantId: string) => RowScope
  },
): Promise<{ found: number; renewed: number }> {
  const { database, embedder, tenantId } = of
  const scope = of.scopeOf(tenantId)
  const asked = { ...of, embedder: embedder.name }
  const stale = await database.transaction((tx) => findStale(tx, asked), scope)
  const texts = stale.map(({ content, tags }) => ({ content, relevance_tags: tags }))
  const vectors = await embedMemories(embedder, texts)
  const rows = stale.map((memory, at) => ({
    ...memory,
    vector: packVector(vectors[at] ?? new Float32Array()),
  }))
  // In the order in which whoever remembers locks them.
  const byAgent = [...Map.groupBy(rows, ({ agentId }) => agentId)].toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  )
  let renewed = 0
  await database.transaction(async (tx) => {
    for (const [agentId, own] of byAgent) {
      renewed += await renewVectors(tx, { tenantId, agentId, embedder: embedder.name, rows: own })
    }
  }, scope)
  return { found: stale.length, renewed }
}
