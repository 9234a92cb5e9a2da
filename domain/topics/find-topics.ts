import { foldText } from '../judging/text/fold-text.ts'
import { TOPIC_WORDS } from './topic-words.ts'

/** A topic that a text is about, and the words that told it. */
export type FoundTopic = { readonly topic: string; readonly words: readonly string[] }

/** Two different words of those that other subjects share. */
const WEAK_NEEDED = 2

type Matcher = {
  readonly innocent: RegExp | undefined
  readonly strong: RegExp
  readonly weak: RegExp | undefined
}

const MATCHERS: ReadonlyMap<string, Matcher> = new Map(
  Object.entries(TOPIC_WORDS).map(([topic, { strong, weak, innocent }]) => [
    topic,
    {
      innocent: innocent.length === 0 ? undefined : anyOf(innocent),
      strong: anyOf(strong),
      weak: weak.length === 0 ? undefined : anyOf(weak),
    },
  ]),
)

/**
 * Which of the given topics a text is about, by words with boundaries: `policy` of a program and
 * `healthy` tests are none. A topic that the house has no words for is looked for as a phrase.
 */
export function findTopics(text: string, topics: readonly string[]): FoundTopic[] {
  if (topics.length === 0) return []
  const words = plainWords(text)
  return [...new Set(topics.map((topic) => plainWords(topic)))].flatMap((topic) => {
    const matcher = MATCHERS.get(topic)
    const found = matcher === undefined ? matches(words, anyOf([topic])) : tellingOf(words, matcher)
    return found.length === 0 ? [] : [{ topic, words: found }]
  })
}

function tellingOf(words: string, { innocent, strong, weak }: Matcher): string[] {
  const suspect = innocent === undefined ? words : words.replaceAll(innocent, ' . ')
  const told = matches(suspect, strong)
  if (told.length > 0 || weak === undefined) return told
  const hints = matches(suspect, weak)
  return hints.length >= WEAK_NEEDED ? hints : []
}

const matches = (words: string, pattern: RegExp): string[] => [
  ...new Set(Array.from(words.matchAll(pattern), ([found]) => found)),
]

/** Longer phrases first; a hyphen in a text or a phrase is as good as a blank. */
function anyOf(phrases: readonly string[]): RegExp {
  const parts = phrases
    .toSorted((left, right) => right.length - left.length)
    .map((phrase) => plainWords(phrase).replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`))
  return new RegExp(String.raw`(?<![\p{L}\p{N}])(?:${parts.join('|')})(?![\p{L}\p{N}])`, 'gu')
}

/** Small letters, whatever they were spelled with; hashtags lose their sign, hyphens are blanks. */
function plainWords(text: string): string {
  return foldText(text)
    .toLowerCase()
    .replaceAll(/[-_#\s]+/gu, ' ')
    .trim()
}
