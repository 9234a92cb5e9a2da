import { setImmediate as turn } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { openGates } from './gate.ts'

test('lets so many of a sort run at once, others in order, other sorts beside', async () => {
  const gates = openGates((sort) => (sort === 'narrow' ? 2 : 100))
  const started: string[] = []
  const ends: (() => void)[] = []
  const work = (name: string) => () => {
    started.push(name)
    const { promise, resolve } = Promise.withResolvers<void>()
    ends.push(resolve)
    return promise
  }
  const all = ['a', 'b', 'c', 'd'].map((name) =>
    gates.run({ sort: 'narrow', party: 'p' }, work(name)),
  )
  const wide = gates.run({ sort: 'wide', party: 'p' }, work('w'))
  await turn()
  expect(started).toEqual(['a', 'b', 'w'])
  ends[0]?.()
  await turn()
  expect(started).toEqual(['a', 'b', 'w', 'c'])
  for (let at = 0; at < 5; at += 1) {
    ends[at]?.()
    await turn()
  }
  await Promise.all([...all, wide])
  expect(started).toEqual(['a', 'b', 'w', 'c', 'd'])
})

test('parties take turns, however many each has waiting', async () => {
  const gates = openGates(() => 1)
  const started: string[] = []
  const run = (party: string, name: string) =>
    gates.run({ sort: 'one', party }, async () => {
      started.push(name)
      await turn()
    })
  const names = Array.from({ length: 20 }, (_, n) => `a${n}`)
  const all = [...names.map((name) => run('a', name)), run('b', 'b0'), run('b', 'b1')]
  await Promise.all(all)
  expect(started.slice(0, 6)).toEqual(['a0', 'a1', 'b0', 'a2', 'b1', 'a3'])
  expect(started).toHaveLength(22)
})

test('a work that fails gives its place to the next', async () => {
  const gates = openGates(() => 1)
  const failed = gates.run({ sort: 'one', party: 'p' }, () => Promise.reject(new Error('no')))
  const next = gates.run({ sort: 'one', party: 'p' }, () => Promise.resolve('yes'))
  await expect(failed).rejects.toThrow('no')
  expect(await next).toBe('yes')
})
