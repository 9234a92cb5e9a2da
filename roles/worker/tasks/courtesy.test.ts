import { expect, test } from 'vitest'

import { COURTESY_MS, openCourtesy } from './courtesy.ts'

function openRig() {
  let ms = 0
  const courtesy = openCourtesy(() => ms)
  return { ...courtesy, pass: (by: number) => void (ms += by) }
}

test('the queues stand back for a moment after somebody was rung for, and for nobody else', () => {
  const { note, owed, pass } = openRig()
  expect(owed()).toBe(0)
  note()
  pass(10)
  expect(owed()).toBe(COURTESY_MS - 10)
})

test('what is long ago is no reason to stand back', () => {
  const { note, owed, pass } = openRig()
  note()
  pass(COURTESY_MS)
  expect(owed()).toBe(0)
})

test('who rings all the time gets half of it', () => {
  const { note, owed, pass } = openRig()
  let back = 0
  const end = 100 * COURTESY_MS
  for (let ms = 0; ms < end;) {
    note()
    const wait = owed()
    back += wait
    const passes = wait === 0 ? 1 : wait
    pass(passes)
    ms += passes
  }
  expect(back / end).toBeGreaterThan(0.45)
  expect(back / end).toBeLessThanOrEqual(0.51)
})
