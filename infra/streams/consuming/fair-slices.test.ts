import { expect, test } from 'vitest'

import type { Delivered } from './consumer-group.ts'
import { fairSlices } from './fair-slices.ts'

const entries = (tenant: string, count: number, from = 0): Delivered[] =>
  Array.from({ length: count }, (_, n) => ({
    stream: 'chimera:results',
    raw: { id: `${from + n}-0`, fields: ['source', 'worker', 'tenant', tenant, 'result', '{}'] },
    deliveries: 1,
  }))

const idsOf = (slices: readonly Delivered[][]) =>
  slices.map((slice) => slice.map(({ raw }) => raw.id))

test('a few entries of one tenant go before the hundreds of another', () => {
  const few = entries('small', 2, 900)
  const read = [...entries('big', 300), ...few, ...entries('big', 198, 300)]
  const [first, second, ...others] = idsOf(fairSlices(read, 500))
  expect(first).toEqual(['900-0', '901-0'])
  expect(second).toHaveLength(498)
  expect(second?.slice(298, 301)).toEqual(['298-0', '299-0', '300-0'])
  expect(others).toEqual([])
})

test('what is of one tenant, of many small ones, or little at all stays one batch', () => {
  const one = entries('big', 500)
  const many = Array.from({ length: 100 }, (_, n) => entries(`t${n}`, 5, n * 10)).flat()
  const little = [...entries('big', 40), ...entries('small', 1)]
  const bare = one.map((entry) => ({ ...entry, raw: { ...entry.raw, fields: ['result', '{}'] } }))
  for (const read of [one, many, little, bare]) expect(fairSlices(read, 500)).toEqual([read])
})

test('no part is larger than a batch', () => {
  const slices = fairSlices([...entries('big', 1_100), ...entries('small', 3)], 500)
  expect(slices.map((slice) => slice.length)).toEqual([3, 500, 500, 100])
  expect(fairSlices([], 500)).toEqual([])
})
