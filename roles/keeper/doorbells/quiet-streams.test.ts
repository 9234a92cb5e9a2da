import type { StreamState } from '@chimera/infra/streams/inspect'
import { expect, test } from 'vitest'

import { openQuietStreams } from './quiet-streams.ts'

const state = (lag: number | null, pending: number): StreamState => ({
  name: 'chimera:results',
  group: 'judge',
  length: 0,
  lag,
  pending,
  oldestPending: null,
  lastDelivered: null,
})

function lookEverySecond(states: StreamState[]): number {
  let now = 0
  const quiet = openQuietStreams({ now: () => now })
  for (const [second, seen] of states.entries()) {
    now = second * 1_000
    if (quiet.note([seen]).length > 0) return second
  }
  return -1
}

test('a stream is quiet when lag and pending were 0 at every look for two seconds', () => {
  expect(lookEverySecond([state(0, 0), state(0, 0), state(0, 0)])).toBe(2)
})

test.each([
  ['a lag', state(1, 0)],
  ['a pending entry', state(0, 1)],
  ['a lag that Redis does not know', state(null, 0)],
])('%s in between starts the count again', (_, busy) => {
  expect(lookEverySecond([state(0, 0), state(0, 0), busy, state(0, 0), state(0, 0)])).toBe(-1)
})

test('a stream that was rung has to be quiet anew', () => {
  let now = 0
  const quiet = openQuietStreams({ now: () => now })
  quiet.note([state(0, 0)])
  now = 2_000
  expect(quiet.note([state(0, 0)])).toEqual(['chimera:results'])
  quiet.forget(['chimera:results'])
  expect(quiet.note([state(0, 0)])).toEqual([])
})
