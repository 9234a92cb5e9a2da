import type { RecallReason } from '@chimera/contracts/judging/memory'

/** How well words and vector of a memory fit a question, before it is compared with others. */
export type Fit = Readonly<{
  /** Any measure of the words; only its ratio to the best counts. */
  words: number
  /** Cosine, -1..1. */
  cosine: number
  at: Date
  importance: number
}>

/**
 * Words and vector say what fits; age and importance only decide between what fits as well. The
 * shares were chosen, not measured.
 */
const WEIGHTS: Readonly<Record<keyof RecallReason, number>> = {
  lexical: 0.5,
  vector: 0.44,
  recency: 0.03,
  importance: 0.03,
}
/** Vectors of two texts of nothing in common come that close by chance. */
const LEAST_COSINE = 0.12
const RECENT_DAYS = 30
const DAY_MS = 86_400_000

/**
 * Orders what fits, the best first, and says why. What has no word of the question and a vector
 * that is near by chance alone is left out: nothing is better than something.
 */
export function weighRecall<T extends Fit>(
  fits: readonly T[],
  of: { now: Date; limit: number },
): (T & { score: number; because: RecallReason })[] {
  const best = Math.max(0, ...fits.map(({ words }) => words))
  return fits
    .filter(({ words, cosine }) => words > 0 || cosine >= LEAST_COSINE)
    .map((fit) => {
      const ageDays = Math.max(0, of.now.getTime() - fit.at.getTime()) / DAY_MS
      const because = {
        lexical: best === 0 ? 0 : fit.words / best,
        vector: Math.min(1, Math.max(0, fit.cosine)),
        recency: Math.exp(-ageDays / RECENT_DAYS),
        importance: fit.importance,
      }
      return { ...fit, because, score: scoreOf(because) }
    })
    .toSorted((a, b) => b.score - a.score)
    .slice(0, of.limit)
}

const scoreOf = (because: RecallReason): number =>
  WEIGHTS.lexical * because.lexical +
  WEIGHTS.vector * because.vector +
  WEIGHTS.recency * because.recency +
  WEIGHTS.importance * because.importance
