import type { VectorRow } from '../../database/memories/search-memories.ts'
import { lengthOf } from './packed-vector.ts'

/** Room for this many vectors at the beginning; doubled when it is full. */
const FIRST_ROOM = 64
/** A string and its place in a Map, about. */
const BYTES_OF_ID = 150

/** The vectors of one agent in this process, to be gone through from the first to the last. */
export class VectorShelf {
  readonly #places: number
  #bytes: Int8Array
  #lengths = new Float32Array(FIRST_ROOM)
  #isTrusted: boolean[] = []
  #revisions: number[] = []
  #ids: string[] = []
  readonly #slots = new Map<string, number>()
  /** Everything up to it has been seen. */
  revision = 0

  constructor(places: number) {
    this.#places = places
    this.#bytes = new Int8Array(FIRST_ROOM * places)
  }

  /** How many it holds, those that were forgotten meanwhile included. */
  get size(): number {
    return this.#ids.length
  }

  get byteSize(): number {
    return this.#bytes.byteLength + this.#lengths.byteLength + this.size * BYTES_OF_ID
  }

  /** Takes up vectors; of one that it has, the later revision counts. */
  add(rows: readonly VectorRow[]): void {
    for (const { id, revision, isTrusted, vector } of rows) {
      const known = this.#slots.get(id)
      if (known !== undefined && (this.#revisions[known] ?? 0) >= revision) continue
      const slot = known ?? this.#newSlot(id)
      this.#bytes.set(vector.subarray(0, this.#places), slot * this.#places)
      this.#lengths[slot] = lengthOf(vector)
      this.#isTrusted[slot] = isTrusted
      this.#revisions[slot] = revision
    }
  }

  /** The nearest vectors by their cosine, the nearest first. */
  nearest(
    asked: Int8Array,
    of: { limit: number; onlyTrusted: boolean },
  ): { id: string; cosine: number }[] {
    const { limit, onlyTrusted } = of
    const best: { slot: number; cosine: number }[] = []
    const askedLength = lengthOf(asked)
    let least = -Infinity
    for (let slot = 0; slot < this.size; slot += 1) {
      if (onlyTrusted && this.#isTrusted[slot] !== true) continue
      const cosine = this.#cosine(asked, askedLength, slot)
      if (best.length === limit && cosine <= least) continue
      best.splice(placeOf(best, cosine), 0, { slot, cosine })
      if (best.length > limit) best.pop()
      least = best.at(-1)?.cosine ?? -Infinity
    }
    return best.map(({ slot, cosine }) => ({ id: this.#ids[slot] ?? '', cosine }))
  }

  /** Of one memory; nothing when it is not here. */
  cosineOf(asked: Int8Array, id: string): number {
    const slot = this.#slots.get(id)
    return slot === undefined ? 0 : this.#cosine(asked, lengthOf(asked), slot)
  }

  #cosine(asked: Int8Array, askedLength: number, slot: number): number {
    const from = slot * this.#places
    const bytes = this.#bytes
    let sum = 0
    for (let at = 0; at < asked.length; at += 1) sum += (asked[at] ?? 0) * (bytes[from + at] ?? 0)
    const lengths = askedLength * (this.#lengths[slot] ?? 0)
    return lengths === 0 ? 0 : sum / lengths
  }

  #newSlot(id: string): number {
    const slot = this.size
    this.#ids.push(id)
    this.#slots.set(id, slot)
    if (slot < this.#lengths.length) return slot
    const bytes = new Int8Array(this.#bytes.length * 2)
    bytes.set(this.#bytes)
    this.#bytes = bytes
    const lengths = new Float32Array(this.#lengths.length * 2)
    lengths.set(this.#lengths)
    this.#lengths = lengths
    return slot
  }
}

const placeOf = (best: readonly { cosine: number }[], cosine: number): number => {
  const at = best.findIndex((other) => other.cosine < cosine)
  return at === -1 ? best.length : at
}
