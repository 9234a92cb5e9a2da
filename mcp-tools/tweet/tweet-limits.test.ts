import { expect, test } from 'vitest'

import { nextPostAtMs, nextReplyAtMs, POST_COOLDOWN_MS, waitUntil } from './tweet-limits.ts'

const NOW = 1_700_000_000_000
const account = (other: object = {}) => ({
  nowMs: NOW,
  killLevel: 0,
  heldUntilMs: 0,
  lastLeftBy: () => undefined,
  roomAtMs: () => NOW,
  spent: () => ({ amount: 0n, usdMicros: 0n, count: 0 }),
  firstSentTo: () => undefined,
  ...other,
})

test('the cooldown counts from the last post, and only posts start it', () => {
  expect(nextPostAtMs(account(), POST_COOLDOWN_MS)).toBe(NOW)
  const tools: string[] = []
  const window = account({ lastLeftBy: (tool: string) => (tools.push(tool), NOW - 60_000) })
  expect(nextPostAtMs(window, POST_COOLDOWN_MS)).toBe(NOW + 840_000)
  expect(tools).toEqual(['post_tweet'])
})

test('a hold by the network is waited for, by posts and replies', () => {
  const window = account({ heldUntilMs: NOW + 5_000 })
  expect(nextPostAtMs(window, POST_COOLDOWN_MS)).toBe(NOW + 5_000)
  expect(nextReplyAtMs(window)).toBe(NOW + 5_000)
})

test('a wait of nothing is no refusal', () => {
  expect(waitUntil(NOW, account(), 'It runs')).toBeUndefined()
  expect(waitUntil(NOW + 1, account(), 'It runs')).toMatchObject({
    code: 'COOLDOWN_ACTIVE',
    retryAfterMs: 1,
  })
})
