import { expect, test } from 'vitest'

import { openSignerNonces } from './signer-nonces.ts'

const NOW = 1_800_000_000_000

test('of each signer the hundred highest are kept: one below them is too late', () => {
  const nonces = openSignerNonces()
  for (let each = 0; each < 100; each += 1) nonces.use('a', NOW + each)
  expect(nonces.faultOf('a', NOW - 1, NOW)).toBe('too_low')
  expect(nonces.faultOf('a', NOW + 50, NOW)).toBe('duplicate')
  expect(nonces.faultOf('a', NOW + 100, NOW)).toBeUndefined()
  expect(nonces.faultOf('b', NOW - 1, NOW)).toBeUndefined()
  nonces.use('a', NOW + 100)
  // The lowest has made room, and is now below what is kept.
  expect(nonces.faultOf('a', NOW, NOW)).toBe('too_low')
})

test('fewer than a hundred forbid nothing but themselves', () => {
  const nonces = openSignerNonces()
  nonces.use('a', NOW)
  expect(nonces.faultOf('a', NOW - 1, NOW)).toBeUndefined()
  expect(nonces.faultOf('a', NOW, NOW)).toBe('duplicate')
})
