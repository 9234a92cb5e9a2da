import type { RecallReason } from '@chimera/contracts/judging/memory'

import { USUAL_SHARE } from './embedding/embedder.ts'

/** How well words and vector of a memory fit a question, before it is compared with others. */
export type Fit = Readonly<{
  /** Any measure of the words; only its ratio to the best counts. */
  words: number
  /** Cosine, -1..1. */
  cosine: number
  at: Date
  importance: number
}>

/** Words and vector say what fits; age and importance only decide between what fits as well. */
const FIT_WEIGHT = 0.94
const RECENCY_WEIGHT = 0.03
const IMPORTANCE_WEIGHT = 0.03
/** Vectors of two texts of nothing in common come that close by chance. */
const LEAST_COSINE = 0.12
const RECENT_DAYS = 30
const DAY_MS = 86_400_000

/**
 * Orders what fits, the best first, and says why. What has no word of the question and a vector
 * that is near by chance alone is left out: nothing is better than something. `vectorShare` is the
 * embedder's (0..1).
 */
export function weighRecall<T extends Fit>(
  fits: readonly T[],
  of: { now: Date; limit: number; vectorShare?: number | undefined },
): (T & { score: number; because: RecallReason })[] {
  const { vectorShare = USUAL_SHARE } = of
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
      return { ...fit, because, score: scoreOf(because, vectorShare) }
    })
    .toSorted((a, b) => b.score - a.score)
    .slice(0, of.limit)
}

const scoreOf = (because: RecallReason, vectorShare: number): number =>
  FIT_WEIGHT * ((1 - vectorShare) * because.lexical + vectorShare * because.vector) +
  RECENCY_WEIGHT * because.recency +
  IMPORTANCE_WEIGHT * because.importance
