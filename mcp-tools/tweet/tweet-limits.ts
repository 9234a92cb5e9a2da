import type { AccountWindow } from '@chimera/mcp-kit/protocol/effect-tool'
import type { Refusal } from '@chimera/mcp-kit/provider/exchange'

/** Between two posts of one account (requirements C26, X16). */
export const POST_COOLDOWN_MS = 900_000

/**
 * Replies have a window of their own, so that an answer need not wait for a cooldown (X16). X takes
 * 100 posts per user in 15 minutes, replies included; half of it leaves room for the posts and for
 * people who use the account by hand.
 */
export const REPLY_WINDOW = { limit: 50, ms: 900_000 } as const

/** X takes 50 deletions per user in 15 minutes; half of it leaves room for people. */
export const DELETE_WINDOW = { limit: 25, ms: 900_000 } as const

/**
 * When the account may post again; in the past when it may now. Unknown posts count like accepted.
 */
export function nextPostAtMs(window: AccountWindow, cooldownMs: number): number {
  const last = window.lastLeftBy('post_tweet')
  return Math.max(window.heldUntilMs, last === undefined ? window.nowMs : last + cooldownMs)
}

/** When the account may reply again; in the past when it may now. */
export function nextReplyAtMs(window: AccountWindow): number {
  const roomAtMs = window.roomAtMs('reply_tweet', REPLY_WINDOW.limit, REPLY_WINDOW.ms)
  return Math.max(window.heldUntilMs, roomAtMs)
}

/** When the account may delete again; in the past when it may now. */
export function nextDeleteAtMs(window: AccountWindow): number {
  const roomAtMs = window.roomAtMs('delete_tweet', DELETE_WINDOW.limit, DELETE_WINDOW.ms)
  return Math.max(window.heldUntilMs, roomAtMs)
}

/** The refusal of a call that comes too early. */
export function waitUntil(atMs: number, window: AccountWindow, what: string): Refusal | undefined {
  const retryAfterMs = atMs - window.nowMs
  if (retryAfterMs <= 0) return undefined
  const detail = `${what} until ${new Date(atMs).toISOString()}.`
  return { code: 'COOLDOWN_ACTIVE', detail, retryAfterMs }
}
