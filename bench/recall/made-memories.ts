import { newId } from '@chimera/contracts/ids'
import type { Memory } from '@chimera/contracts/judging/memory'

const WORDS_OF_MEMORY = { least: 12, most: 40 } as const
const WORDS_OF_QUESTION = { least: 4, most: 9 } as const
/** Words beside those of the texts: names, numbers and what else a language has. */
const OTHER_WORDS = 4_000
const SYLLABLES = 'ba ce di fo gu ha je ki lo mu na pe qui ro su ta ve wi xo zu'.split(' ')
const FIRST_TIME = Date.UTC(2026, 0, 1)
const HOUR_MS = 3_600_000

/** Makes texts of words as often as a language has them: the n-th a share of 1/n of the first. */
export type MadeTexts = Readonly<{
  memory: (of: { agentId: string }) => Memory
  question: () => string
}>

/** The same seed makes the same texts; the words of `texts` are the frequent ones. */
export function madeTexts(of: { texts: readonly string[]; seed: number }): MadeTexts {
  const fraction = numbersFrom(of.seed)
  const integer = (least: number, most: number): number =>
    least + Math.floor(fraction() * (most - least + 1))
  const known = new Set(of.texts.flatMap((text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu)))
  const others = Array.from({ length: OTHER_WORDS }, () =>
    Array.from({ length: integer(2, 4) }, () => SYLLABLES[integer(0, 19)] ?? '').join(''),
  )
  const words = [...known, ...others].filter((word): word is string => word !== null)
  // The inverse of the harmonic sum, near enough.
  const word = (): string => words[Math.floor(words.length ** fraction()) - 1] ?? ''
  const sentence = ({ least, most }: { least: number; most: number }): string =>
    Array.from({ length: integer(least, most) }, word).join(' ')
  let made = 0
  return {
    memory: ({ agentId }) => ({
      id: newId(),
      agent_id: agentId,
      kind: 'learning',
      content: sentence(WORDS_OF_MEMORY),
      relevance_tags: [],
      timestamp: new Date(FIRST_TIME + (made += 1) * HOUR_MS).toISOString(),
      label: made % 3 === 0 ? 'untrusted' : 'derived',
      sources: [{ source: 'goal', path: '/text' }],
      goal_id: null,
      task_id: null,
      importance: fraction(),
      expires_at: null,
    }),
    question: () => sentence(WORDS_OF_QUESTION),
  }
}

/** Numbers in [0, 1), the same for the same seed: mulberry32. */
function numbersFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
