import { expect, test } from 'vitest'

import { MemoryShelf } from './memory-shelf.ts'

const row = (id: string, words: string, of: { revision?: number; isTrusted?: boolean } = {}) => ({
  id,
  revision: of.revision ?? 1,
  isTrusted: of.isTrusted ?? true,
  vector: Int8Array.of(words.length, 127),
  words: words.split(' '),
})
const idsOf = (found: readonly { id: string }[]): string[] => found.map(({ id }) => id)
const all = { limit: 10, onlyTrusted: false }

test('a rare word says more than one of most memories, a short memory more than a long', () => {
  const shelf = new MemoryShelf(2)
  const usual = ['a', 'b', 'c', 'd'].map((id) => row(id, `fee ${id}`))
  shelf.add([...usual, row('e', 'mempool'), row('f', 'fee and very many other words beside it')])
  expect(idsOf(shelf.holding(['fee', 'mempool'], all))).toEqual(['e', 'd', 'c', 'b', 'a', 'f'])
  expect(idsOf(shelf.holding(['fee', 'mempool'], { ...all, limit: 2 }))).toEqual(['e', 'd'])
  expect(shelf.holding(['nothing'], all)).toEqual([])
  expect(shelf.holding([], all)).toEqual([])
})

test('what fits as well has one order, however it came here', () => {
  const rows = ['b', 'd', 'a', 'c'].map((id) => row(id, 'the same'))
  for (const order of [rows, rows.toReversed()]) {
    const shelf = new MemoryShelf(2)
    shelf.add(order)
    expect(idsOf(shelf.holding(['same'], { ...all, limit: 3 }))).toEqual(['d', 'c', 'b'])
    expect(idsOf(shelf.nearest(Int8Array.of(8, 127), { ...all, limit: 3 }))).toEqual([
      'd',
      'c',
      'b',
    ])
  }
})

test('what was written again takes the place of what was there', () => {
  const shelf = new MemoryShelf(2)
  shelf.add([row('a', 'old'), row('b', 'strange', { isTrusted: false })])
  shelf.add([row('a', 'new', { revision: 2 }), row('b', 'later no more', { isTrusted: true })])
  expect(shelf.holding(['old'], all)).toEqual([])
  expect(idsOf(shelf.holding(['new'], all))).toEqual(['a'])
  expect(idsOf(shelf.nearest(Int8Array.of(3, 127), all))).toEqual(['a', 'b'])
  expect(idsOf(shelf.nearest(Int8Array.of(3, 127), { ...all, onlyTrusted: true }))).toEqual(['a'])
})
