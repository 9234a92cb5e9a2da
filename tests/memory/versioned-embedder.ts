/** Embedders as they come and go: of another name, of another size, away. */
import type { Embedder } from '@chimera/infra/memory/embedding/embedder'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'

/** Our own under another name; `asked` counts the texts, `before` is waited for at each request. */
export function versionedEmbedder(
  name: string,
  of: { places?: number; before?: () => Promise<void> | void } = {},
): Embedder & { asked: () => number } {
  const { places, before } = of
  let asked = 0
  return {
    name,
    asked: () => asked,
    embed: async (texts) => {
      await before?.()
      const vectors = await lexicalEmbedder.embed(texts)
      asked += texts.length
      return vectors.map((vector) => (places === undefined ? vector : resized(vector, places)))
    },
  }
}

/** Folded onto fewer places, of length 1. */
function resized(vector: Float32Array, places: number): Float32Array {
  const folded = new Float32Array(places)
  for (const [at, value] of vector.entries()) {
    folded[at % places] = (folded[at % places] ?? 0) + value
  }
  const length = Math.hypot(...folded)
  return length === 0 ? folded : folded.map((value) => value / length)
}
