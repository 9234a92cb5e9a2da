import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { followLog } from './log-follower.ts'

let stuck = 0
beforeEach(() => {
  stuck = 0
  vi.useFakeTimers()
})
afterEach(() => void vi.useRealTimers())

const recovery = { begins: 'somebody died', goesOn: 'elapsed', patienceMs: 1_000 }
const follow = (of: { recovery?: typeof recovery } = { recovery }) =>
  followLog({ kind: 'log', words: 'I am up', ...of }, () => (stuck += 1))
const say = (text: string) => Buffer.from(`${text}\n`)

test('it is ready when it says so, and other words change nothing', () => {
  using server = follow()
  server.hear(say('good morning'))
  expect(server.isReady()).toBe(false)
  server.hear(say('I am up'))
  server.hear(say('good morning'))
  expect(server.isReady()).toBe(true)
  vi.advanceTimersByTime(60_000)
  expect(stuck).toBe(0)
})

test('it is not ready while it recovers, and the last word counts', () => {
  using server = follow()
  server.hear(say('I am up'))
  server.hear(say('somebody died'))
  expect(server.isReady()).toBe(false)
  server.hear(say('I am up'))
  expect(server.isReady()).toBe(true)
  server.hear(say('somebody died\nI am up'))
  expect(server.isReady()).toBe(true)
  vi.advanceTimersByTime(60_000)
  expect(stuck).toBe(0)
})

test.each([
  ['never comes up', []],
  ['hangs in its recovery', ['I am up', 'somebody died']],
])('one that %s is stuck when the patience is over, once', (_, words) => {
  using server = follow()
  for (const text of words) server.hear(say(text))
  vi.advanceTimersByTime(999)
  expect(stuck).toBe(0)
  vi.advanceTimersByTime(60_000)
  expect(stuck).toBe(1)
})

test('one that is at work is waited for, and what it does for others is no work', () => {
  using server = follow()
  for (let n = 0; n < 5; n += 1) {
    vi.advanceTimersByTime(900)
    server.hear(say(`redo, elapsed ${n} s`))
  }
  expect(stuck).toBe(0)
  for (let n = 0; n < 5; n += 1) {
    vi.advanceTimersByTime(300)
    server.hear(say('FATAL: I am in recovery'))
  }
  expect(stuck).toBe(1)
})

test('one without a recovery, or whose life has ended, is never stuck', () => {
  using patient = follow({})
  follow()[Symbol.dispose]()
  vi.advanceTimersByTime(60_000)
  expect([stuck, patient.isReady()]).toEqual([0, false])
})
