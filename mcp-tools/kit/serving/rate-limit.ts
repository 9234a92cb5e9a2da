/** How many MCP messages one principal may send. */
export type Rate = Readonly<{ perSecond: number; burst: number }>

/** Counts the messages of every principal. */
export type RateLimit = Readonly<{
  /** 0 when they may pass, and then they are counted; else how long to wait, in milliseconds. */
  take: (principal: string, messages: number) => number
}>

/** As many as there can be tokens; above it the one that was silent for longest is forgotten. */
const MAX_PRINCIPALS = 1_024

/**
 * A token bucket per principal, kept as the moment when it will be full again (GCRA). More messages
 * at once than the bucket holds wait until it is full, and then empty it. `now` only rises.
 */
export function createRateLimit(of: { rate: Rate; now: () => number }): RateLimit {
  const { perSecond, burst } = of.rate
  const costMs = 1_000 / perSecond
  const fullAtMs = new Map<string, number>()
  return {
    take: (principal, messages) => {
      const nowMs = of.now()
      const lackMs = Math.max(0, (fullAtMs.get(principal) ?? 0) - nowMs)
      const wantedMs = Math.min(messages, burst) * costMs
      const waitMs = lackMs + wantedMs - burst * costMs
      const isTaken = waitMs <= 0
      fullAtMs.delete(principal)
      fullAtMs.set(principal, nowMs + lackMs + (isTaken ? wantedMs : 0))
      const [silent] = fullAtMs.keys()
      if (silent !== undefined && fullAtMs.size > MAX_PRINCIPALS) fullAtMs.delete(silent)
      return isTaken ? 0 : Math.ceil(waitMs)
    },
  }
}
