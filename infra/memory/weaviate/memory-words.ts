import { withConcepts } from '../words/concepts.ts'
import { englishStem } from '../words/english-stem.ts'
import { STOP_WORDS } from '../words/stop-words.ts'

const MAX_WORDS = 2_000

/**
 * The words of a text as Weaviate compares them, each once: it knows no endings and no synonyms, so
 * that those of the memory and those of the question are brought into one form here, that of
 * PostgreSQL's full text.
 */
export function memoryWords(text: string): string {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  const stems = words
    .slice(0, MAX_WORDS)
    .filter((word) => !STOP_WORDS.has(word))
    .map(englishStem)
  return withConcepts(stems).join(' ')
}
