import type { ShelfRow } from '../../database/memories/search-memories.ts'
import { lengthOf, multiplyAll } from './packed-vector.ts'
import { WordIndex } from './word-index.ts'

/** When it is full there is room for so many more, and for what is needed at least. */
const GROWTH = 1.25
/** A string and its place in a Map, about, with its numbers. */
const BYTES_OF_ID = 150
/** One with nothing on it. */
const BYTES_OF_SHELF = 2_000

type SlotState = 'trusted' | 'untrusted' | 'gone'

/** What fits a question, and how well. */
type Found = Readonly<{ id: string; score: number }>
type Search = Readonly<{ limit: number; onlyTrusted: boolean }>

/** What may answer a question, and how well: words by BM25, 0 where no list of words had it. */
export type Candidate = Readonly<{ id: string; revision: number; words: number; cosine: number }>

/**
 * The vectors and words of one agent's memories in this process: vectors are gone through from the
 * first to the last. Of what fits as well the later id comes first, in every process.
 */
export class MemoryShelf {
  readonly #places: number
  #bytes = new Int8Array()
  #lengths = new Float32Array()
  /** Of the search that is going on. */
  #scores = new Float64Array()
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
    const arrays = [this.#bytes, this.#lengths, this.#scores]
    const vectors = arrays.reduce((sum, { byteLength }) => sum + byteLength, 0)
    return BYTES_OF_SHELF + vectors + this.size * BYTES_OF_ID + this.#words.byteSize
  }

  /** Makes room for so many in all, where it is known how many come. */
  reserve(slots: number): void {
    if (slots > this.#lengths.length) this.#resize(slots)
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
      if (known !== undefined) this.#states[known] = 'gone'
      const slot = this.#ids.push(id) - 1
      this.#slots.set(id, slot)
      this.#bytes.set(vector.subarray(0, this.#places), slot * this.#places)
      this.#lengths[slot] = lengthOf(vector)
      this.#states.push(isTrusted ? 'trusted' : 'untrusted')
      this.#revisions.push(revision)
      this.#words.add(words)
    }
  }

  /** Leaves out what is there no more; what was written again meanwhile stays. */
  drop(gone: readonly { id: string; revision: number }[]): void {
    for (const { id, revision } of gone) {
      const slot = this.#slots.get(id)
      if (slot !== undefined && this.#revisions[slot] === revision) this.#states[slot] = 'gone'
    }
  }

  /** As many as the limit by their words, and as many by their vectors, in no order. */
  candidates(of: Search & { asked: Int8Array; words: readonly string[] }): Candidate[] {
    const held = new Map(this.holding(of.words, of).map(({ id, score }) => [id, score]))
    const near = new Map(this.nearest(of.asked, of).map(({ id, score }) => [id, score]))
    return [...new Set([...near.keys(), ...held.keys()])].map((id) => {
      // The scores are still those of the vectors.
      const slot = this.#slots.get(id) ?? -1
      const cosine = near.get(id) ?? this.#scores[slot] ?? 0
      return { id, revision: this.#revisions[slot] ?? 0, words: held.get(id) ?? 0, cosine }
    })
  }

  /** The nearest vectors by their cosine, the nearest first. */
  nearest(asked: Int8Array, of: Search): Found[] {
    const scores = this.#scores
    multiplyAll(this.#bytes.subarray(0, this.size * this.#places), asked, scores)
    const length = lengthOf(asked)
    for (let slot = 0; slot < this.size; slot += 1) {
      const lengths = length * (this.#lengths[slot] ?? 0)
      scores[slot] = lengths === 0 ? 0 : (scores[slot] ?? 0) / lengths
    }
    return this.#best({ ...of, above: -Infinity })
  }

  /** Memories that hold any of the words, the best first. */
  holding(words: readonly string[], of: Search): Found[] {
    this.#words.score(words, this.#scores)
    return this.#best({ ...of, above: 0 })
  }

  #best(of: Search & { above: number }): Found[] {
    const { limit, onlyTrusted, above } = of
    const [scores, states] = [this.#scores, this.#states]
    const best: Found[] = []
    let least = above
    for (let slot = 0; slot < states.length; slot += 1) {
      const score = scores[slot] ?? 0
      if (score <= above || score < least) continue
      const state = states[slot]
      if (state === 'gone' || (onlyTrusted && state !== 'trusted')) continue
      const found = { id: this.#ids[slot] ?? '', score }
      best.splice(placeOf(best, found), 0, found)
      if (best.length > limit) best.pop()
      if (best.length === limit) least = best.at(-1)?.score ?? above
    }
    return best
  }

  #makeRoom(slots: number): void {
    if (slots <= this.#lengths.length) return
    this.#resize(Math.max(slots, Math.ceil(this.#lengths.length * GROWTH)))
  }

  #resize(room: number): void {
    const bytes = new Int8Array(room * this.#places)
    bytes.set(this.#bytes)
    this.#bytes = bytes
    const lengths = new Float32Array(room)
    lengths.set(this.#lengths)
    this.#lengths = lengths
    this.#scores = new Float64Array(room)
  }
}

/** Where it belongs among what was found; most of it is worse than the last. */
function placeOf(best: readonly Found[], { id, score }: Found): number {
  const at = best.findIndex(
    (other) => other.score < score || (other.score === score && other.id < id),
  )
  return at === -1 ? best.length : at
}
