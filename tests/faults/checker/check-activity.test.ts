import { expect, test } from 'vitest'

import { checkActivity } from './check-activity.ts'

const enough = { planned: 100, succeeded: 95, fired: { kill: 3, cut: 1 }, least: { kill: 3 } }

test('a run that did what it was to do is valid', () => {
  expect(checkActivity(enough)).toEqual([])
})

test('a run in which too little succeeded is not', () => {
  const found = checkActivity({ ...enough, succeeded: 94 })
  expect(found).toEqual(['only 94 of 100 operations succeeded'])
})

test('a run of nothing is not', () => {
  expect(checkActivity({ ...enough, planned: 0, succeeded: 0 })).toHaveLength(1)
})

test('a run without one of its faults is not', () => {
  const found = checkActivity({ ...enough, least: { kill: 4, hung: 1 } })
  expect(found).toEqual([
    'kill happened 3 times and had to 4 times',
    'hung happened 0 times and had to 1 times',
  ])
})
