import { expect, test } from 'vitest'

import { openNonces } from './nonces.ts'

test('nonces are the time, and rise even when the clock does not', () => {
  let clock = 1_000
  const nonces = openNonces({ now: () => clock })
  const taken = [nonces.next(), nonces.next(), nonces.next()]
  clock = 500
  taken.push(nonces.next())
  clock = 2_000.7
  taken.push(nonces.next())
  expect(taken).toEqual([1_000, 1_001, 1_002, 1_003, 2_000])
})
