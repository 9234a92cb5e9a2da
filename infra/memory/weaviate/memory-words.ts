import { SYNONYMS } from '../embedding/synonyms.ts'

const MAX_WORDS = 2_000
/** Shorter words are left as they are: `is` is no plural. */
const LEAST_STEM = 4
const ENDINGS = ['ings', 'ing', 'ied', 'ies', 'ed', 'es', 's'] as const

/**
 * The words of a text as Weaviate compares them: it knows no endings and no synonyms, so that those
 * of the memory and those of the question are brought into one form here.
 */
export function memoryWords(text: string): string {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  return words
    .slice(0, MAX_WORDS)
    .map((word) => stemOf(SYNONYMS.get(word) ?? word))
    .join(' ')
}

function stemOf(word: string): string {
  const ending = ENDINGS.find((one) => word.endsWith(one))
  if (ending === undefined || word.length - ending.length < LEAST_STEM - 1) return word
  return word.slice(0, -ending.length)
}
