import { expect, test } from 'vitest'

import { openRingMemory } from './ring-memory.ts'

test('what was rung is rung again after 2, 4, 8 ... seconds, at least once a minute', () => {
  let now = 0
  const memory = openRingMemory({ now: () => now })
  const gaps: number[] = []
  for (let last = 0; gaps.length < 8; now += 500) {
    if (!memory.mayRing('task:1')) continue
    memory.noteRing('task:1')
    gaps.push((now - last) / 1000)
    last = now
  }
  expect(gaps).toEqual([0, 2, 4, 8, 16, 32, 60, 60])
})

test('rows do not hold each other up, and forgetting the oldest costs one ring more', () => {
  const memory = openRingMemory({ now: () => 0, maxKeys: 2 })
  for (const key of ['a', 'b', 'c']) {
    expect(memory.mayRing(key)).toBe(true)
    memory.noteRing(key)
  }
  expect(['a', 'b', 'c'].map((key) => memory.mayRing(key))).toEqual([true, false, false])
  memory.clear()
  expect(memory.mayRing('c')).toBe(true)
})
