import { expect, test } from 'vitest'

import { floorOf } from './trim.ts'

test('with nothing pending, what is unread stays', () => {
  expect(floorOf({ pending: 0, oldestPending: null, lastDelivered: '7-3' })).toBe('7-4')
})

test('the oldest pending entry stays, and all after it', () => {
  expect(floorOf({ pending: 2, oldestPending: '5-0', lastDelivered: '7-3' })).toBe('5-0')
})

test('an entry delivered between the two answers does not raise the floor above the unread', () => {
  expect(floorOf({ pending: 1, oldestPending: '9-0', lastDelivered: '7-3' })).toBe('7-4')
})

test('what was pending and is acknowledged meanwhile is done', () => {
  expect(floorOf({ pending: 1, oldestPending: null, lastDelivered: '7-3' })).toBe('7-4')
})

test('without a group there is no floor: everything is unread', () => {
  expect(floorOf({ pending: 0, oldestPending: null, lastDelivered: null })).toBeUndefined()
})
