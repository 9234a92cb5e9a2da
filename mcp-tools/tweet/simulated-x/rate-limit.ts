/** X counts posts of one user in windows of 15 minutes. */
const WINDOW_MS = 900_000

/**
 * The default is X's limit for a day and an app (10,000) instead of 100 a window: our own cooldown
 * never comes near 100, but a test without cooldown would, and would then test this limit alone.
 */
export const DEFAULT_POST_LIMIT = 10_000

/** A fixed window per account, as X has it. */
export function openRateLimit({ now }: { now: () => number }): {
  /** Counts one request. `headers` are X's own and go with every answer. */
  take: (account: string, limit: number) => { isAllowed: boolean; headers: Record<string, string> }
} {
  const windows = new Map<string, { endsAtMs: number; used: number }>()
  return {
    take: (account, limit) => {
      const open = windows.get(account)
      const window = open && open.endsAtMs > now() ? open : { endsAtMs: now() + WINDOW_MS, used: 0 }
      windows.set(account, window)
      const isAllowed = window.used < limit
      if (isAllowed) window.used += 1
      const headers = {
        'x-rate-limit-limit': String(limit),
        'x-rate-limit-remaining': String(limit - window.used),
        'x-rate-limit-reset': String(Math.ceil(window.endsAtMs / 1_000)),
      }
      return { isAllowed, headers }
    },
  }
}
