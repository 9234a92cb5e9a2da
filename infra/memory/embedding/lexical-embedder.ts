import { toUnitLength, type Embedder } from './embedder.ts'
import { SYNONYMS } from './synonyms.ts'

const DIMENSIONS = 384
/** Changes whenever the same text would give another vector. */
const VERSION = 1

/** What every text has: a fifth of the weight, so that it does not decide what is alike. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a an and are as at be been but by did do does for from had has have how i if in into is it ' +
    'its me my no not of on or our so than that the their them then there these they this to ' +
    'was we were what when where which who why will with would you your'
  ).split(' '),
)
const STOP_WEIGHT = 0.2
const WORD_WEIGHT = 1
const PAIR_WEIGHT = 0.5
/** All letters of a word together weigh as much as the word. */
const LETTERS_WEIGHT = 1
const SHORTEST_GRAM = 3
const LONGEST_GRAM = 5
/** Longer texts are cut: the vector of a book says nothing. */
const MAX_WORDS = 2_000
const MAX_WORD = 40

/**
 * What it sees beyond the words themselves are parts of them. The best on the even questions of
 * bench/recall lay between 0.1 and 0.25 (docs/memory.md); the odd ones were not looked at for it.
 */
const VECTOR_SHARE = 0.2

/**
 * Vectors without a model: words, pairs of neighbours and stretches of three to five letters are
 * hashed into 384 places, with the sign that their hash says. Texts that share words, or parts of
 * words, come near each other; texts that say the same in other words do not, but for the synonyms
 * of our domain. Stable: the same text gives the same vector on every machine.
 */
export const lexicalEmbedder: Embedder = {
  name: `lexical-hash-${DIMENSIONS}@${VERSION}`,
  embed: async (texts) => texts.map(vectorOf),
  vectorShare: VECTOR_SHARE,
}

function vectorOf(text: string): Float32Array {
  const weights = new Map<string, number>()
  const add = (feature: string, weight: number): void =>
    void weights.set(feature, (weights.get(feature) ?? 0) + weight)
  let before = ''
  for (const word of wordsOf(text)) {
    const weight = STOP_WORDS.has(word) ? STOP_WEIGHT : 1
    add(`w ${word}`, WORD_WEIGHT * weight)
    const grams = gramsOf(word)
    for (const gram of grams) add(`g ${gram}`, (LETTERS_WEIGHT * weight) / grams.length)
    if (before !== '') add(`p ${before} ${word}`, PAIR_WEIGHT * weight)
    before = STOP_WORDS.has(word) ? before : word
  }
  const vector = new Float32Array(DIMENSIONS)
  for (const [feature, weight] of weights) {
    const hash = hashOf(feature)
    const place = hash % DIMENSIONS
    // The tenth time says less than the first.
    const value = Math.log1p(weight) * ((hash >>> 31) & 1 ? -1 : 1)
    vector[place] = (vector[place] ?? 0) + value
  }
  return toUnitLength(vector)
}

/** The words of a text, in one form, each by what stands for it. */
function wordsOf(text: string): string[] {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  return words.slice(0, MAX_WORDS).map((word) => SYNONYMS.get(word) ?? word.slice(0, MAX_WORD))
}

function gramsOf(word: string): string[] {
  const whole = `<${word}>`
  const grams: string[] = []
  for (let length = SHORTEST_GRAM; length <= LONGEST_GRAM; length += 1) {
    for (let at = 0; at + length <= whole.length; at += 1) grams.push(whole.slice(at, at + length))
  }
  return grams
}

/** FNV-1a, and the bits mixed once more: its lowest ones alone are no good. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
