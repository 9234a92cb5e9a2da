/** Half the importance is worth as much as a month of age. */
const HALVING_DAYS = 30
const DAY_MS = 86_400_000
/** What matters nothing is still worth something while it is new. */
const LEAST_IMPORTANCE = 1 / 64

/**
 * The place of a memory in the queue of those that leave: the lowest leaves first. Usefulness is
 * importance that halves with every month, so that between two memories it never changes who is
 * the more useful one, and the rank can be kept with the memory: days since 1970, put forward by
 * importance.
 */
export function keepRank(of: { at: Date; importance: number }): number {
  const weight = Math.log2(Math.max(LEAST_IMPORTANCE, of.importance))
  return of.at.getTime() / DAY_MS + HALVING_DAYS * weight
}
