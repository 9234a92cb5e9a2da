import { expect, test } from 'vitest'

import { estimateCost } from './tools.ts'

test.each([
  ['hello world', 15_000n],
  ['hello. World', 15_000n],
  ['it costs 1.50 dollars', 15_000n],
  ['see https://example.com/a', 200_000n],
  ['see chimera.tools', 200_000n],
  ['see example.de', 200_000n],
  ['see b\u00fccher.example.co.uk', 200_000n],
])('what a tweet that says "%s" can cost', (text, cost) => {
  expect(estimateCost('post_tweet', { text })).toBe(cost)
})
