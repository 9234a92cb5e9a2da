import { expect, test } from 'vitest'

import { type Grades, headStartMs, LONGEST_HEAD_START_MS } from './head-start.ts'

const GRADES = [1, 2, 3, 4, 5]

/** Tasks by what became ready when, in the order of their turns. */
const order = (tasks: readonly (Grades & { name: string; readyAtMs: number })[]): string[] =>
  tasks
    .map((task) => ({ name: task.name, turn: task.readyAtMs - headStartMs(task) }))
    .toSorted((one, other) => one.turn - other.turn)
    .map(({ name }) => name)

test('both inputs count, each on its own', () => {
  for (const grade of GRADES.slice(1)) {
    for (const other of GRADES) {
      const [more, less] = [grade, grade - 1]
      expect(headStartMs({ urgency: more, importance: other })).toBeGreaterThan(
        headStartMs({ urgency: less, importance: other }),
      )
      expect(headStartMs({ urgency: other, importance: more })).toBeGreaterThan(
        headStartMs({ urgency: other, importance: less }),
      )
    }
  }
})

test('of tasks that are ready together the urgent goes first, then the important', () => {
  const at = { readyAtMs: 0 }
  expect(
    order([
      { ...at, name: 'neither', urgency: 1, importance: 1 },
      { ...at, name: 'important', urgency: 1, importance: 5 },
      { ...at, name: 'ordinary' },
      { ...at, name: 'urgent', urgency: 5, importance: 1 },
      { ...at, name: 'both', urgency: 5, importance: 5 },
    ]),
  ).toEqual(['both', 'urgent', 'ordinary', 'important', 'neither'])
})

test('a goal of low priority is of little importance, unless it says otherwise', () => {
  expect(headStartMs({ priority: 'low' })).toBe(headStartMs({ importance: 1 }))
  expect(headStartMs({ priority: 'low', importance: 4 })).toBe(headStartMs({ importance: 4 }))
  expect(headStartMs({ priority: 'normal' })).toBe(headStartMs({}))
})

test('nothing starves: the least of all goes before the most urgent that came much later', () => {
  const least = { name: 'old', readyAtMs: 0, urgency: 1, importance: 1 }
  const most = { name: 'new', urgency: 5, importance: 5 }
  expect(order([{ ...most, readyAtMs: LONGEST_HEAD_START_MS + 1 }, least])).toEqual(['old', 'new'])
  expect(order([least, { ...most, readyAtMs: LONGEST_HEAD_START_MS - 1 }])).toEqual(['new', 'old'])
  for (const urgency of GRADES) {
    for (const importance of GRADES) {
      const found = headStartMs({ urgency, importance })
      expect(found).toBeGreaterThanOrEqual(0)
      expect(found).toBeLessThanOrEqual(LONGEST_HEAD_START_MS)
    }
  }
})
