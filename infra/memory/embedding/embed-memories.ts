import { InvariantError } from '@chimera/contracts/errors'
import type { Memory } from '@chimera/contracts/judging/memory'

import type { Embedder } from './embedder.ts'

type Text = Pick<Memory, 'content'> & { readonly relevance_tags: readonly string[] }

/** Vectors of memories, one for each: of what they say and their tags. Throws as the embedder. */
export async function embedMemories(
  embedder: Embedder,
  memories: readonly Text[],
): Promise<Float32Array[]> {
  if (memories.length === 0) return []
  const texts = memories.map(({ content, relevance_tags: tags }) => [content, ...tags].join(' '))
  const vectors = await embedder.embed(texts)
  if (vectors.length === texts.length) return vectors
  throw new InvariantError(`${embedder.name} answered fewer vectors than it was asked for.`)
}
