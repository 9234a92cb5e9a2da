import { setTimeout as sleep } from 'node:timers/promises'

import {
  DeniedError,
  InvariantError,
  RetryableError,
  TerminalError,
} from '@chimera/contracts/errors'
import { openConsumer, type Consumer } from '@chimera/infra/streams/consumer'
import type { ConsumerOptions } from '@chimera/infra/streams/consuming/consumer-options'
import type { DeadLetter } from '@chimera/infra/streams/dead-letter'
import { inspectStreams } from '@chimera/infra/streams/inspect'
import { openRedis, type RedisConnection } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { openLog } from '@chimera/runtime/log'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'

import { ownRedisUrl } from '../own-redis.ts'

const url = ownRedisUrl()
const log = openLog({ name: 'test', level: 'error' })
const Numbered = z.strictObject({ n: z.int() })
type Numbered = z.infer<typeof Numbered>

let redis: RedisConnection
beforeAll(async () => {
  redis = await openRedis({ url, name: 'test', log })
})
afterAll(() => redis[Symbol.asyncDispose]())
beforeEach(() => redis.client.flushall())

const consumers: Consumer[] = []
afterEach(async () => {
  for (const consumer of consumers.splice(0)) await consumer.close()
})

/** A consumer of goals that keeps what it saw. */
const start = (options: Partial<ConsumerOptions<Numbered>> = {}) => {
  const handled: number[] = []
  const letters: DeadLetter[] = []
  const consumer = openConsumer<Numbered>({
    url,
    name: 'test',
    streams: ['chimera:goals'],
    consumerName: 'planner-1',
    log: openLog({ name: 'test', level: 'silent' }),
    leaseMs: 15_000,
    parse: ({ payload, envelope }) => {
      if (envelope.tenant === 'somebody-else') {
        throw new DeniedError('TENANT_FORBIDDEN', 'The entry names a tenant that is not its own.')
      }
      return Numbered.parse(payload)
    },
    ...options,
    handle: async (batch, signal) => {
      const settlements = await options.handle?.(batch, signal)
      handled.push(...batch.map(({ value }) => value.n))
      return settlements
    },
    onDead: async (dead) => {
      await options.onDead?.(dead)
      letters.push(...dead)
    },
  })
  consumers.push(consumer)
  return { consumer, handled, letters }
}

const publish = async (numbers: readonly number[]): Promise<void> => {
  const publisher = openPublisher({ redis, source: 'test' })
  await publisher.publish(numbers.map((n) => ({ stream: 'chimera:goals', payload: { n } })))
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

const until = (check: () => void | Promise<void>, timeout = 5_000) =>
  vi.waitFor(check, { timeout, interval: 20 })

const nothingIsOpen = async (): Promise<void> => {
  const [state] = await inspectStreams({ redis, streams: ['chimera:goals'] })
  expect(state).toMatchObject({ pending: 0, lag: 0 })
}

test('every entry is handled in order, in batches of what has arrived', async () => {
  await publish(upTo(1_200))
  const batches: number[] = []
  const { handled } = start({ handle: async (batch) => void batches.push(batch.length) })
  await until(nothingIsOpen)
  expect(handled).toEqual(upTo(1_200))
  expect(batches).toEqual([500, 500, 200])
})

test('what cannot be read becomes a letter with the reason, the others are handled', async () => {
  await publish([1])
  const huge = 'x'.repeat(2 * 1024 * 1024)
  const bad: [string, string[]][] = [
    ['not JSON', ['goal', '{"n":']],
    ['a missing field', ['goal', '{}']],
    ['a wrong type', ['goal', '{"n":"1"}']],
    ['no payload', ['text', 'hello']],
    ['another tenant', ['goal', '{"n":1}', 'tenant', 'somebody-else']],
    ['2 MB', ['goal', huge]],
    ['a prototype', ['goal', '{"n":1,"__proto__":{"n":2}}']],
    ['depth', ['goal', '['.repeat(100_000)]],
    ['control characters', ['goal', 'a\u0000\u001B[31m\u202E']],
    ['a huge envelope', ['goal', '{"n":1}', 'traceparent', 'x'.repeat(1_000)]],
  ]
  for (const [, fields] of bad) await redis.client.xadd('chimera:goals', '*', ...fields)
  await publish([2])
  const { handled, letters } = start()
  await until(nothingIsOpen)
  expect(handled).toEqual([1, 2])
  expect(letters.map(({ code }) => code)).toEqual(
    bad.map(([what]) => {
      if (what === '2 MB') return 'ENTRY_TOO_LARGE'
      return what === 'another tenant' ? 'TENANT_FORBIDDEN' : 'ENTRY_MALFORMED'
    }),
  )
  expect(letters[1]?.reason).toContain('at n')
  const large = letters.find(({ code }) => code === 'ENTRY_TOO_LARGE')
  expect(large?.bytes).toBeGreaterThan(huge.length)
  expect(Buffer.byteLength(large?.payload ?? '')).toBe(65_536)
  expect(large?.sha256).toMatch(/^[0-9a-f]{64}$/)
  for (const { reason } of letters) expect(reason).not.toMatch(/[\p{Control}--\n]|\p{Format}/v)
})

test('letters are shown on chimera:dead without the text that was somebody else’s', async () => {
  await redis.client.xadd('chimera:goals', '*', 'goal', 'secret words')
  const { letters } = start()
  await until(nothingIsOpen)
  const shown = JSON.stringify(await redis.client.xrange('chimera:dead', '-', '+'))
  expect(shown).toContain(letters[0]?.id)
  expect(shown).toContain('ENTRY_MALFORMED')
  expect(shown).not.toContain('secret words')
})

test('a handler may give up single entries', async () => {
  await publish([1, 2, 3])
  const { letters } = start({
    handle: async (batch) =>
      new Map(
        batch
          .filter(({ value }) => value.n === 2)
          .map((entry) => [
            entry,
            { outcome: 'dead', code: 'GOAL_NOT_UNDERSTOOD', reason: 'Even.' },
          ]),
      ),
  })
  await until(nothingIsOpen)
  expect(letters).toMatchObject([{ code: 'GOAL_NOT_UNDERSTOOD', reason: 'Even.' }])
  expect(letters[0]?.payload).toContain(String.raw`{\"n\":2}`)
})

test('a database that is away brings the same batch again, and costs no entry', async () => {
  await publish(upTo(20))
  let tries = 0
  const { handled, letters } = start({
    handle: async () => {
      tries += 1
      if (tries < 3) throw new RetryableError('UNAVAILABLE', 'The database is away.')
    },
  })
  await until(nothingIsOpen)
  expect([tries, handled.length, letters.length]).toEqual([3, 20, 0])
})

test('an entry that fails alone is tried five times, then dead with its history', async () => {
  await publish([1, 13, 2])
  let times = 0
  const { handled, letters } = start({
    handle: async (batch) => {
      if (!batch.some(({ value }) => value.n === 13)) return
      if (batch.length === 1) times += 1
      throw new TerminalError('PLAN_INVALID', 'Thirteen is too many.')
    },
  })
  await until(nothingIsOpen, 20_000)
  expect([handled.toSorted((a, b) => a - b), times]).toEqual([[1, 2], 5])
  expect(letters).toMatchObject([{ code: 'PLAN_INVALID' }])
  expect(letters[0]?.reason).toContain('Thirteen is too many.')
  expect(letters[0]?.history).toHaveLength(5)
})

test('an entry that fails alone once and then not is handled', async () => {
  await publish([13])
  let times = 0
  const { handled, letters } = start({
    handle: async () => {
      times += 1
      if (times < 3) throw new Error('not yet')
    },
  })
  await until(nothingIsOpen)
  expect([handled, letters]).toEqual([[13], []])
})

test('an entry stays pending until its letter is written', async () => {
  await redis.client.xadd('chimera:goals', '*', 'goal', 'not JSON')
  let isAway = true
  const { letters } = start({
    onDead: async () => {
      if (isAway) throw new RetryableError('UNAVAILABLE', 'The database is away.')
    },
  })
  await sleep(200)
  const [state] = await inspectStreams({ redis, streams: ['chimera:goals'] })
  expect([state?.pending, letters]).toEqual([1, []])
  isAway = false
  await until(nothingIsOpen)
  expect(letters).toHaveLength(1)
})

test('closing finishes the batch in hand and leaves the rest', async () => {
  await publish(upTo(30))
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const { consumer, handled } = start({ maxBatch: 10, handle: () => gate })
  await until(async () => {
    const [state] = await inspectStreams({ redis, streams: ['chimera:goals'] })
    expect(state?.pending).toBe(10)
  })
  const closing = consumer.close()
  open()
  await closing
  const [state] = await inspectStreams({ redis, streams: ['chimera:goals'] })
  expect([handled.length, state?.pending, state?.lag]).toEqual([10, 0, 20])
})

test('closing does not wait for entries that do not come', async () => {
  const { consumer } = start()
  await until(() => consumer.check())
  await sleep(100)
  const since = performance.now()
  await consumer.close()
  expect(performance.now() - since).toBeLessThan(1_000)
})

test('a broken assumption ends the consumer, and the entry stays pending', async () => {
  await publish([1])
  const { promise: gate, reject } = Promise.withResolvers<void>()
  const { consumer } = start({ handle: () => gate })
  await sleep(200)
  consumers.length = 0
  const closing = consumer.close()
  reject(new InvariantError('Two and two were five.'))
  await expect(closing).rejects.toThrow('Two and two were five.')
  const [state] = await inspectStreams({ redis, streams: ['chimera:goals'] })
  expect(state?.pending).toBe(1)
})

test('two consumers share the work, each entry once', async () => {
  const handle = () => sleep(2)
  const one = start({ consumerName: 'planner-1', maxBatch: 20, handle })
  const two = start({ consumerName: 'planner-2', maxBatch: 20, handle })
  await publish(upTo(1_000))
  await until(nothingIsOpen)
  const all = [...one.handled, ...two.handled]
  expect(all.toSorted((a, b) => a - b)).toEqual(upTo(1_000))
  expect(Math.min(one.handled.length, two.handled.length)).toBeGreaterThan(0)
})

test('several streams of one group come in one batch', async () => {
  const publisher = openPublisher({ redis, source: 'test' })
  await publisher.publish([
    { stream: 'chimera:tasks:RESEARCH', payload: { n: 1 } },
    { stream: 'chimera:tasks:ENGAGEMENT', payload: { n: 2 } },
  ])
  const streams = ['chimera:tasks:RESEARCH', 'chimera:tasks:ENGAGEMENT'] as const
  const seen: string[][] = []
  const { handled } = start({
    streams,
    handle: async (batch) => void seen.push(batch.map(({ stream }) => stream)),
  })
  await until(() => expect(handled).toEqual([1, 2]))
  expect(seen).toEqual([[...streams]])
})
