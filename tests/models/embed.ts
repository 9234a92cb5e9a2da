import { createHash } from 'node:crypto'

import { z } from 'zod'

export const EmbeddingRequest = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(z.string()).min(1).max(2_048)]),
})

/** Small, and the same for the same words: texts that share words lie near each other. */
const DIMENSIONS = 64

/** The answer to an embedding request: one vector of length 1 a text. */
export function embeddings({ model, input }: z.infer<typeof EmbeddingRequest>) {
  const texts = typeof input === 'string' ? [input] : input
  const prompt_tokens = Math.ceil(texts.join('').length / 4)
  return {
    object: 'list',
    model,
    data: texts.map((text, index) => ({ object: 'embedding', index, embedding: embed(text) })),
    usage: { prompt_tokens, total_tokens: prompt_tokens },
  }
}

function embed(text: string): number[] {
  const vector = Array.from({ length: DIMENSIONS }, () => 0)
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
    const at = (createHash('sha256').update(word).digest()[0] ?? 0) % DIMENSIONS
    vector[at] = (vector[at] ?? 0) + 1
  }
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}
