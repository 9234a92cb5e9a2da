import type { StreamState } from '@chimera/infra/streams/inspect'
import { expect, test } from 'vitest'

import { openPassedStreams } from './passed-streams.ts'

const NOW = 1_000_000

const state = (lastDelivered: string | null, oldestPending: string | null): StreamState => ({
  name: 'chimera:results',
  group: 'judge',
  length: 9,
  lag: 5,
  pending: oldestPending === null ? 0 : 1,
  oldestPending,
  lastDelivered,
})

const look = (...states: StreamState[]) => openPassedStreams({ now: () => NOW }).note(states)

test.each([
  ['before the last delivered entry', state('999000-0', null), 31_000],
  ['before the oldest pending entry', state('999000-0', '900000-3'), 130_000],
  ['never from the future', state('1000500-0', null), 30_000],
])('rows are passed %s', (_, seen, olderThanMs) => {
  expect(look(seen)).toEqual([{ stream: 'chimera:results', olderThanMs }])
})

test('nothing is passed where nothing was delivered', () => {
  expect(look(state(null, null), state('0-0', null))).toEqual([])
})

test('a stream is looked at every five seconds only', () => {
  let now = NOW
  const passed = openPassedStreams({ now: () => now })
  const times = [0, 1_000, 4_000, 5_000, 6_000].filter((at) => {
    now = NOW + at
    return passed.note([state('999000-0', null)]).length > 0
  })
  expect(times).toEqual([0, 5_000])
})
