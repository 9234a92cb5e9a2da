import type { ShelfRow } from '../../database/memories/search-memories.ts'
import { lengthOf } from './packed-vector.ts'
import { WordIndex } from './word-index.ts'

/** When it is full there is room for so many more, and for what is needed at least. */
const GROWTH = 1.25
/** A string and its place in a Map, about. */
const BYTES_OF_ID = 150

type SlotState = 'trusted' | 'untrusted' | 'replaced'

/** What fits a question, and how well. */
type Found = Readonly<{ id: string; score: number }>
type Search = Readonly<{ limit: number; onlyTrusted: boolean }>

/**
 * The vectors and words of one agent's memories in this process: vectors are gone through from the
 * first to the last. Of what fits as well the later id comes first, in every process.
 */
export class MemoryShelf {
  readonly #places: number
  #bytes = new Int8Array()
  #lengths = new Float32Array()
  readonly #states: SlotState[] = []
  readonly #revisions: number[] = []
  readonly #ids: string[] = []
  readonly #slots = new Map<string, number>()
  readonly #words = new WordIndex()
  /** Everything up to it has been seen. */
  revision = 0

  constructor(places: number) {
    this.#places = places
  }

  /** How many it holds, those that were forgotten or replaced meanwhile included. */
  get size(): number {
    return this.#ids.length
  }

  get byteSize(): number {
    const vectors = this.#bytes.byteLength + this.#lengths.byteLength
    return vectors + this.size * BYTES_OF_ID + this.#words.byteSize
  }

  /** Takes up memories; of one that it has, the later revision counts. */
  add(rows: readonly ShelfRow[]): void {
    const later = rows.filter(({ id, revision }) => {
      const known = this.#slots.get(id)
      return known === undefined || (this.#revisions[known] ?? 0) < revision
    })
    this.#makeRoom(this.size + later.length)
    for (const { id, revision, isTrusted, vector, words } of later) {
      const known = this.#slots.get(id)
      if (known !== undefined) this.#states[known] = 'replaced'
      const slot = this.#ids.push(id) - 1
      this.#slots.set(id, slot)
      this.#bytes.set(vector.subarray(0, this.#places), slot * this.#places)
      this.#lengths[slot] = lengthOf(vector)
      this.#states.push(isTrusted ? 'trusted' : 'untrusted')
      this.#revisions.push(revision)
      this.#words.add(words)
    }
  }

  /** The nearest vectors by their cosine, the nearest first. */
  nearest(asked: Int8Array, of: Search): Found[] {
    const askedLength = lengthOf(asked)
    return this.#best((slot) => this.#cosine(asked, askedLength, slot), { ...of, above: -Infinity })
  }

  /** Memories that hold any of the words, the best first. */
  holding(words: readonly string[], of: Search): Found[] {
    const scores = this.#words.scores(words)
    return this.#best((slot) => scores[slot] ?? 0, { ...of, above: 0 })
  }

  /** Of one memory; nothing when it is not here. */
  cosineOf(asked: Int8Array, id: string): number {
    const slot = this.#slots.get(id)
    return slot === undefined ? 0 : this.#cosine(asked, lengthOf(asked), slot)
  }

  #best(scoreOf: (slot: number) => number, of: Search & { above: number }): Found[] {
    const { limit, onlyTrusted, above } = of
    const best: Found[] = []
    let least = above
    for (let slot = 0; slot < this.size; slot += 1) {
      const state = this.#states[slot]
      if (state === 'replaced' || (onlyTrusted && state !== 'trusted')) continue
      const score = scoreOf(slot)
      if (score <= above || score < least) continue
      const found = { id: this.#ids[slot] ?? '', score }
      best.splice(placeOf(best, found), 0, found)
      if (best.length > limit) best.pop()
      if (best.length === limit) least = best.at(-1)?.score ?? above
    }
    return best
  }

  #cosine(asked: Int8Array, askedLength: number, slot: number): number {
    const from = slot * this.#places
    const bytes = this.#bytes
    let sum = 0
    for (let at = 0; at < asked.length; at += 1) sum += (asked[at] ?? 0) * (bytes[from + at] ?? 0)
    const lengths = askedLength * (this.#lengths[slot] ?? 0)
    return lengths === 0 ? 0 : sum / lengths
  }

  #makeRoom(slots: number): void {
    if (slots <= this.#lengths.length) return
    const room = Math.max(slots, Math.ceil(this.#lengths.length * GROWTH))
    const bytes = new Int8Array(room * this.#places)
    bytes.set(this.#bytes)
    this.#bytes = bytes
    const lengths = new Float32Array(room)
    lengths.set(this.#lengths)
    this.#lengths = lengths
  }
}

/** Where it belongs among what was found; most of it is worse than the last. */
function placeOf(best: readonly Found[], { id, score }: Found): number {
  const at = best.findIndex(
    (other) => other.score < score || (other.score === score && other.id < id),
  )
  return at === -1 ? best.length : at
}
