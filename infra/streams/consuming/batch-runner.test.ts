import { InvariantError, RetryableError, TerminalError } from '@chimera/contracts/errors'
import type { WorkStream } from '@chimera/contracts/streams'
import { openLog } from '@chimera/runtime/log'
import { expect, test } from 'vitest'
import { z } from 'zod'

import type { DeadLetter } from '../dead-letter.ts'
import { openBatchRunner, type Handle } from './batch-runner.ts'
import { openLetterDesk } from './letter-desk.ts'
import { openPatience } from './patience.ts'
import { openSuspects } from './suspects.ts'

const STREAM: WorkStream = 'chimera:results'
const log = openLog({ name: 'test', level: 'silent' })

/** A runner whose waits are over at once, and that remembers what it did. */
const open = (options: {
  handle: Handle<number>
  onDead?: (letters: readonly DeadLetter[]) => Promise<void>
}) => {
  const { signal } = new AbortController()
  const done: string[] = []
  const letters: DeadLetter[] = []
  const forgiven: string[] = []
  const patience = { ...openPatience({ signal, random: () => 0 }), wait: async () => {} }
  const suspects = openSuspects<number>({ random: () => 0, now: () => 0 })
  const desk = openLetterDesk({
    onDead: async (dead) => {
      await options.onDead?.(dead)
      letters.push(...dead)
    },
    acknowledge: async (ids) => void done.push(...(ids.get(STREAM) ?? [])),
    log,
    patience,
  })
  const runner = openBatchRunner<number>({
    parse: ({ payload }) => z.int().parse(payload),
    handle: options.handle,
    desk,
    suspects,
    forgive: async (ids) => void forgiven.push(...(ids.get(STREAM) ?? [])),
    patience,
    log,
    signal,
  })
  return { ...runner, suspects, done, letters, forgiven }
}

const delivered = (count: number, deliveries = 1) =>
  Array.from({ length: count }, (_, n) => ({
    stream: STREAM,
    raw: { id: `${n}-0`, fields: ['result', String(n)] },
    deliveries,
  }))

test('a batch of 500 with one culprit is handled in few tries', async () => {
  let tries = 0
  const { run, done, suspects } = open({
    handle: async (batch) => {
      tries += 1
      if (batch.some(({ value }) => value === 321)) throw new Error('not this one')
    },
  })
  await run(delivered(500))
  expect(done).toHaveLength(499)
  expect(suspects.has(STREAM, '321-0')).toBe(true)
  // One whole, then two halves for each of nine halvings.
  expect(tries).toBeLessThanOrEqual(19)
})

test('what was settled before the culprit was found is not handled again', async () => {
  const seen: number[] = []
  const { run } = open({
    handle: async (batch) => {
      if (batch.some(({ value }) => value === 3)) throw new Error('not this one')
      seen.push(...batch.map(({ value }) => value))
    },
  })
  await run(delivered(8))
  expect(seen).toEqual([0, 1, 2, 4, 5, 6, 7])
})

test('one entry that is always unavailable does not hold up the others', async () => {
  const { run, done, letters, suspects } = open({
    handle: async (batch) => {
      if (batch.some(({ value }) => value === 3)) throw new RetryableError('UNAVAILABLE', 'away')
    },
  })
  await run(delivered(8))
  expect(done).toHaveLength(7)
  // Left pending, and neither dead nor suspect: it did not fail, it could not be tried.
  expect([letters, suspects.count()]).toEqual([[], 0])
})

test('an outage sets the count of deliveries back', async () => {
  let tries = 0
  const { run, forgiven, done } = open({
    handle: async () => {
      tries += 1
      if (tries === 1) throw new RetryableError('UNAVAILABLE', 'away')
    },
  })
  await run(delivered(2, 2))
  expect([forgiven, done]).toEqual([
    ['0-0', '1-0'],
    ['0-0', '1-0'],
  ])
})

test('failures alone in lives before this one count', async () => {
  const { run, letters } = open({
    handle: () => Promise.reject(new TerminalError('PLAN_INVALID', 'no')),
  })
  // Four deliveries in company, four alone, and this one is the fifth alone.
  await run(delivered(1, 9))
  expect(letters).toMatchObject([{ code: 'PLAN_INVALID', entryId: '0-0' }])
})

test('a letter that is refused stops no other, and its entry stays pending', async () => {
  const { run, done, letters } = open({
    handle: async (batch) =>
      new Map(batch.map((entry) => [entry, { outcome: 'dead', code: 'PLAN_INVALID', reason: '' }])),
    onDead: async (dead) => {
      if (dead.some(({ entryId }) => entryId === '1-0')) throw new Error('a check fails')
    },
  })
  await run(delivered(3))
  expect(letters.map(({ entryId }) => entryId)).toEqual(['0-0', '2-0'])
  expect(done).toEqual(['0-0', '2-0'])
})

test('a broken assumption passes through', async () => {
  const { run, done } = open({ handle: () => Promise.reject(new InvariantError('broken')) })
  await expect(run(delivered(2))).rejects.toThrow(InvariantError)
  expect(done).toEqual([])
})
