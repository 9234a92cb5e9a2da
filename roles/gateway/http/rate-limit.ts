/** Token buckets by name: so much at once, and so much each second after it. */
export type RateLimit = Readonly<{
  /** Takes one; answers in how many milliseconds the next is there when there is none. */
  take: (name: string) => number | undefined
  /** As `take`, but takes nothing. */
  look: (name: string) => number | undefined
}>

/**
 * Names beyond this push out the one that was asked for longest ago: its bucket is full by then.
 */
const MAX_NAMES = 10_000

type Bucket = { level: number; at: number }

/** In this process only: with several gateways each has its own. */
export function openRateLimit(of: {
  perSecond: number
  burst: number
  /** Monotonic milliseconds. */
  now?: () => number
}): RateLimit {
  const { perSecond, burst, now = () => performance.now() } = of
  const buckets = new Map<string, Bucket>()
  const refilled = (name: string): Bucket => {
    const at = now()
    const known = buckets.get(name)
    const level =
      known === undefined
        ? burst
        : Math.min(burst, known.level + ((at - known.at) / 1_000) * perSecond)
    const bucket = { level, at }
    buckets.delete(name)
    buckets.set(name, bucket)
    const [oldest] = buckets.keys()
    if (buckets.size > MAX_NAMES && oldest !== undefined) buckets.delete(oldest)
    return bucket
  }
  const wait = ({ level }: Bucket): number | undefined =>
    level >= 1 ? undefined : Math.ceil(((1 - level) / perSecond) * 1_000)
  return {
    take: (name) => {
      const bucket = refilled(name)
      const waitMs = wait(bucket)
      if (waitMs === undefined) bucket.level -= 1
      return waitMs
    },
    look: (name) => wait(refilled(name)),
  }
}
