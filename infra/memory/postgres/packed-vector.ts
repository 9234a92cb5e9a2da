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
  for (let at = 0; at < packed.length; at += 1) sum += (packed[at] ?? 0) ** 2
  return Math.sqrt(sum)
}

/**
 * Multiplies vectors that lie one behind the other with one that was asked, and writes a sum for
 * each into `into`. Only the places that the question has are looked at, a quarter of them in a
 * hash of its words; where it has all of them that costs no more than a plain loop. Whole numbers
 * of 32 bits do for 100,000 places.
 */
export function multiplyAll(vectors: Int8Array, asked: Int8Array, into: Float64Array): void {
  const places = Int32Array.from(asked.keys().filter((at) => asked[at] !== 0))
  const values = Int32Array.from(places, (at) => asked[at] ?? 0)
  const count = vectors.length / asked.length
  for (let slot = 0; slot < count; slot += 1) {
    const from = slot * asked.length
    let sum = 0
    for (let n = 0; n < places.length; n += 1) {
      sum = (sum + Math.imul(values[n] ?? 0, vectors[from + (places[n] ?? 0)] ?? 0)) | 0
    }
    into[slot] = sum
  }
}
