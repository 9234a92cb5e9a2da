/** Makes vectors of texts; those of one embedder and version can be compared, and no others. */
export type Embedder = Readonly<{
  /** `name@version`, kept with each vector. */
  name: string
  /** Vectors of length 1, one for each text. Throws RetryableError(UNAVAILABLE). */
  embed: (texts: readonly string[]) => Promise<Float32Array[]>
  /** How much its vectors count beside words, 0..1; USUAL_SHARE where it does not say. */
  vectorShare?: number
}>

/** Of a model, which understands what words do not say: chosen, not measured. */
export const USUAL_SHARE = 0.47

/** Scales a vector to length 1; nothing stays nothing. */
export function toUnitLength(vector: Float32Array): Float32Array {
  let sum = 0
  for (const value of vector) sum += value * value
  if (sum === 0) return vector
  const scale = 1 / Math.sqrt(sum)
  return vector.map((value) => value * scale)
}
