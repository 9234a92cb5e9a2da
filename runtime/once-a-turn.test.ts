import { setImmediate as turn } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { onceATurn } from './once-a-turn.ts'

test('many questions of one turn are one look, and the next turn looks again', async () => {
  let looks = 0
  const ask = onceATurn(() => (looks += 1))
  expect([ask(), ask(), ask()]).toEqual([1, 1, 1])
  await turn()
  expect(ask()).toBe(2)
})

test('a look that throws is taken again at the next question', () => {
  let looks = 0
  const ask = onceATurn(() => {
    looks += 1
    if (looks === 1) throw new Error('not now')
    return looks
  })
  expect(ask).toThrow('not now')
  expect(ask()).toBe(2)
})
