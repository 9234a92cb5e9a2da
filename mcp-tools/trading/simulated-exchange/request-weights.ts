/** The exchange's own limit of one address of the internet, in weights a minute. */
export const WEIGHT_LIMIT = 1_200
const MINUTE_MS = 60_000

/** Questions that cost little; all others cost 20 (its page on rate limits). */
const LIGHT: ReadonlySet<string> = new Set([
  'l2Book',
  'allMids',
  'clearinghouseState',
  'orderStatus',
  'spotClearinghouseState',
  'exchangeStatus',
])
const LIGHT_WEIGHT = 2
const QUESTION_WEIGHT = 20
/** A batch of actions weighs 1 and one more for every 40. */
const BATCH = 40

export const weightOfQuestion = (type: string): number =>
  LIGHT.has(type) ? LIGHT_WEIGHT : QUESTION_WEIGHT
export const weightOfBatch = (length: number): number => 1 + Math.floor(length / BATCH)

/** One fixed window, because everybody here comes from the same address. */
export function openWeights({ now }: { now: () => number }): {
  /** Whether this much more may be asked now. */
  take: (weight: number, limit: number) => boolean
} {
  let endsAtMs = 0
  let used = 0
  return {
    take: (weight, limit) => {
      if (now() >= endsAtMs) {
        endsAtMs = now() + MINUTE_MS
        used = 0
      }
      if (used + weight > limit) return false
      used += weight
      return true
    },
  }
}
