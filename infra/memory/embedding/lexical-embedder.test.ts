import { expect, test } from 'vitest'

import { lexicalEmbedder } from './lexical-embedder.ts'

async function cosine(left: string, right: string): Promise<number> {
  const [a = new Float32Array(), b = new Float32Array()] = await lexicalEmbedder.embed([
    left,
    right,
  ])
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)
}

test('vectors have length 1, and the same text has the same vector for ever', async () => {
  const [vector = new Float32Array()] = await lexicalEmbedder.embed(['Pay 5 USDC to Alice'])
  expect(vector).toHaveLength(384)
  expect(Math.hypot(...vector)).toBeCloseTo(1, 5)
  // Whoever changes this raises the version: what was stored is compared with what is asked.
  const filled = [...vector].flatMap((value, at) => (Math.abs(value) > 0.2 ? [at] : []))
  expect([lexicalEmbedder.name, filled]).toEqual([
    'lexical-hash-384@1',
    [16, 50, 93, 120, 213, 234, 317, 336],
  ])
})

test.each([
  ['bitcoin price surged', 'BTC quotes rallied', 0.7],
  ['the customer was refunded', 'refunding customers', 0.4],
  ['send five dollars', 'transfer USDC', 0.3],
])('%s is near %s', async (left, right, least) => {
  expect(await cosine(left, right)).toBeGreaterThan(least)
})

test.each([
  ['bitcoin price surged', 'the garden needs water'],
  ['approve the invoice', 'a cat sleeps'],
])('%s is far from %s', async (left, right) => {
  expect(Math.abs(await cosine(left, right))).toBeLessThan(0.15)
})

test('a text without a word has no direction', async () => {
  const [vector = new Float32Array()] = await lexicalEmbedder.embed(['... !!!'])
  expect(vector.every((value) => value === 0)).toBe(true)
})
