/** One timer for whatever is due next; nothing is set while nothing is. */
export type LookTimer = Readonly<{
  /** Never later than what was asked for before: a stream of wishes would put it off for ever. */
  ringWithin: (ms: number) => void
  /** For good. */
  stop: () => void
}>

/** A timer may not be set further; 24.8 days overflow it. */
const MAX_TIMER_MS = 86_400_000

export function openLookTimer(ring: () => void): LookTimer {
  let timer: { handle: NodeJS.Timeout; atMs: number } | undefined
  let isStopped = false
  return {
    ringWithin: (ms) => {
      const waitMs = Math.min(Math.max(ms, 1), MAX_TIMER_MS)
      const atMs = performance.now() + waitMs
      if (isStopped || (timer !== undefined && timer.atMs <= atMs)) return
      clearTimeout(timer?.handle)
      const handle = setTimeout(() => {
        timer = undefined
        ring()
      }, waitMs)
      timer = { handle, atMs }
    },
    stop: () => {
      isStopped = true
      clearTimeout(timer?.handle)
    },
  }
}
