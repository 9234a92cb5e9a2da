/** The one vector of an object that was asked for with it; nothing where it has none. */
export function vectorOf(object: { vectors: unknown }): number[] | undefined {
  const { vectors } = object
  if (typeof vectors !== 'object' || vectors === null) return undefined
  const vector: unknown = Object.values(vectors).at(0)
  if (!Array.isArray(vector) || vector.length === 0) return undefined
  return vector.map(Number)
}
