import { expect, test } from 'vitest'

import { compareEntryIds, isEntryId, msOfEntryId, nextEntryId } from './entry-id.ts'

test('ids compare as numbers, not as text', () => {
  const ids = ['1000-2', '9-1', '1000-10', '1000-0']
  expect(ids.toSorted(compareEntryIds)).toEqual(['9-1', '1000-0', '1000-2', '1000-10'])
  expect(compareEntryIds('5-5', '5-5')).toBe(0)
})

test('the next id follows at once, over the end of a millisecond too', () => {
  expect(nextEntryId('1700000000000-7')).toBe('1700000000000-8')
  expect(nextEntryId('5-18446744073709551615')).toBe('6-0')
})

test('an id says when its entry was added', () => {
  expect(msOfEntryId('1700000000000-7')).toBe(1_700_000_000_000)
  expect(msOfEntryId('18446744073709551615-0')).toBe(2 ** 64)
})

test.each(['', '$', '1', '1-', '-1', '1-1-1', 'x-1', '1-1\n', `${'9'.repeat(21)}-0`])(
  '"%s" is no id',
  (text) => {
    expect(isEntryId(text)).toBe(false)
  },
)
