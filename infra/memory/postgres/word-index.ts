import { withConcepts } from '../words/concepts.ts'

/** How soon a word of many memories says less, and how much less long memories say: Okapi's. */
const K1 = 1.2
const B = 0.75
/** A string, its place in a Map and a list of few numbers, about. */
const BYTES_OF_WORD = 250
/** Lists grow by half. */
const BYTES_OF_PLACE = 12

/**
 * Which memories of one agent hold which words, in this process. They are ranked by BM25 over
 * words that are there or not: a rare word of the question says more than one that most memories
 * hold. PostgreSQL's `ts_rank` knows no rare words, and has to read every memory that holds any.
 */
export class WordIndex {
  readonly #slots = new Map<string, number[]>()
  readonly #counts: number[] = []
  #total = 0

  get byteSize(): number {
    return this.#slots.size * BYTES_OF_WORD + this.#total * BYTES_OF_PLACE
  }

  /** Takes up the stems of the next memory; each of them once. Slots are counted from 0. */
  add(stems: readonly string[]): void {
    const words = withConcepts(stems)
    const slot = this.#counts.push(words.length) - 1
    this.#total += words.length
    for (const word of words) {
      const slots = this.#slots.get(word)
      if (slots === undefined) this.#slots.set(word, [slot])
      else slots.push(slot)
    }
  }

  /** Writes how well the words of each memory fit those of a question, by slot; 0 for not. */
  score(asked: readonly string[], into: Float64Array): void {
    const held = this.#counts.length
    into.fill(0, 0, held)
    const usual = this.#total / Math.max(1, held)
    for (const word of withConcepts(asked)) {
      const slots = this.#slots.get(word) ?? []
      const rarity = Math.log1p((held - slots.length + 0.5) / (slots.length + 0.5))
      for (const slot of slots) {
        const length = (this.#counts[slot] ?? 0) / usual
        const score = (rarity * (K1 + 1)) / (1 + K1 * (1 - B + B * length))
        into[slot] = (into[slot] ?? 0) + score
      }
    }
  }
}
