import type { Span } from '../rule-planner/origin.ts'

/**
 * Where words of a goal stand in it, whole: a quote that begins or ends inside a word or a number
 * is none, for half an address or "1" out of "10" is not what the owner wrote. The first place
 * counts; undefined when there is none.
 */
export function findQuote(text: string, quote: string): Span | undefined {
  if (quote.trim() === '') return undefined
  for (let from = text.indexOf(quote); from !== -1; from = text.indexOf(quote, from + 1)) {
    const to = from + quote.length
    const isWhole =
      !isJoined(text.slice(0, from), text.slice(from, to)) &&
      !isJoined(text.slice(from, to), text.slice(to))
    if (isWhole) return [from, to]
  }
  return undefined
}

/** Do two stretches meet inside a word, a number, an address or a handle? */
function isJoined(left: string, right: string): boolean {
  return LAST_OF_WORD.test(left) && FIRST_OF_WORD.test(right)
}

/** A point or comma belongs to a number when a digit follows, and to the sentence when not. */
const LAST_OF_WORD = /[\p{L}\p{M}\p{N}_@#$%/\\+-]$|\d[.,:]$|[\p{L}\p{N}]\.$/u
const FIRST_OF_WORD = /^(?:[\p{L}\p{M}\p{N}_%/\\+-]|[.,:]\d|\.\p{L})/u
