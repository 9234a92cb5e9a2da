import { setTimeout as sleep } from 'node:timers/promises'

import { RetryableError } from '@chimera/contracts/errors'
import { openConsumer, type Consumer } from '@chimera/infra/streams/consumer'
import type { ConsumerOptions } from '@chimera/infra/streams/consuming/consumer-options'
import { inspectStreams } from '@chimera/infra/streams/inspect'
import { openRedis, type RedisConnection } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { openLog } from '@chimera/runtime/log'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'

import { ownRedisUrl } from '../own-redis.ts'

const url = ownRedisUrl()
const log = openLog({ name: 'test', level: 'silent' })
const STREAM = 'chimera:results'
const GROUP = 'judge'

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

const start = (options: Partial<ConsumerOptions<number>> = {}) => {
  const handled: number[] = []
  const consumer = openConsumer<number>({
    url,
    name: 'judge-test',
    streams: [STREAM],
    consumerName: 'judge-1',
    log,
    leaseMs: 15_000,
    parse: ({ payload }) => z.int().parse(payload),
    onDead: () => Promise.reject(new Error('Nothing here is dead.')),
    ...options,
    handle: async (batch, signal) => {
      const settlements = await options.handle?.(batch, signal)
      handled.push(...batch.map(({ value }) => value))
      return settlements
    },
  })
  consumers.push(consumer)
  return { consumer, handled }
}

const publish = async (...numbers: number[]): Promise<void> => {
  const publisher = openPublisher({ redis, source: 'test' })
  await publisher.publish(numbers.map((payload) => ({ stream: STREAM, payload })))
}

/** What a process leaves behind that reads and dies. */
const readAndDie = async (consumerName: string): Promise<void> => {
  await redis.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM').catch(() => undefined)
  const args = ['GROUP', GROUP, consumerName, 'COUNT', 500, 'STREAMS', STREAM, '>'] as const
  await redis.client.xreadgroup(...args)
}

const until = (check: () => void | Promise<void>, timeout = 5_000) =>
  vi.waitFor(check, { timeout, interval: 10 })

const stateNow = async () => (await inspectStreams({ redis, streams: [STREAM] }))[0]

const connected = ({ consumer }: { consumer: Consumer }) => until(() => consumer.check())

test('what its last life left pending is handled within a second of the start', async () => {
  await publish(1, 2, 3)
  await readAndDie('judge-1')
  const { handled } = start()
  await until(() => expect(handled).toEqual([1, 2, 3]), 1_000)
  await until(async () => expect(await stateNow()).toMatchObject({ pending: 0, lag: 0 }))
})

test('what another consumer left is taken over when idle for two leases', async () => {
  await publish(1, 2, 3)
  await readAndDie('judge-of-the-past')
  const since = performance.now()
  const { handled } = start({ leaseMs: 500, blockMs: 200 })
  await until(() => expect(handled).toEqual([1, 2, 3]), 10_000)
  expect(performance.now() - since).toBeGreaterThan(1_000)
  await until(async () => expect(await stateNow()).toMatchObject({ pending: 0 }))
})

test('more stale entries than one call claims are taken over call by call', async () => {
  const numbers = Array.from({ length: 250 }, (_, n) => n)
  await publish(...numbers)
  await readAndDie('judge-of-the-past')
  const { handled } = start({ leaseMs: 100, blockMs: 200 })
  await until(() => expect(handled).toHaveLength(250), 10_000)
  expect(handled.toSorted((a, b) => a - b)).toEqual(numbers)
})

test('what a living consumer has in hand is left to it', async () => {
  await publish(1)
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const one = start({ handle: () => gate })
  await until(async () => expect((await stateNow())?.pending).toBe(1))
  const two = start({ consumerName: 'judge-2', leaseMs: 1_000, blockMs: 100 })
  await sleep(1_500)
  open()
  await until(() => expect(one.handled).toEqual([1]))
  expect(two.handled).toEqual([])
})

test('FLUSHALL under a waiting reader is survived at once', async () => {
  const { handled, ...one } = start()
  await connected(one)
  await sleep(200)
  await redis.client.flushall()
  await publish(1)
  await until(() => expect(handled).toEqual([1]), 2_000)
  await redis.client.flushall()
  await sleep(50)
  await publish(2)
  await until(() => expect(handled).toEqual([1, 2]), 2_000)
})

test('FLUSHALL while a batch is handled takes nothing down', async () => {
  await publish(1)
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const { handled } = start({ handle: () => gate })
  await until(async () => expect((await stateNow())?.pending).toBe(1))
  await redis.client.flushall()
  open()
  await until(() => expect(handled).toEqual([1]))
  await publish(2)
  await until(() => expect(handled).toEqual([1, 2]), 2_000)
})

test('a connection that is cut while waiting is opened again', async () => {
  const one = start()
  await connected(one)
  await sleep(100)
  await redis.client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await publish(1)
  await until(() => expect(one.handled).toEqual([1]), 3_000)
})

test('an acknowledgement that got lost is said again, and the work is not done again', async () => {
  await publish(1, 2)
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const one = start({ handle: () => gate })
  await until(async () => expect((await stateNow())?.pending).toBe(2))
  await redis.client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  open()
  await until(async () => expect(await stateNow()).toMatchObject({ pending: 0, lag: 0 }))
  expect(one.handled).toEqual([1, 2])
})

test('entries whose answer got lost on the way are found after the reconnection', async () => {
  const one = start()
  await connected(one)
  await sleep(100)
  await publish(1)
  await until(() => expect(one.handled).toEqual([1]))
  // Delivered to this consumer's name by another connection: it never saw them.
  await redis.client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await publish(2, 3)
  await readAndDie('judge-1')
  await until(() => expect(one.handled.toSorted((a, b) => a - b)).toEqual([1, 2, 3]), 10_000)
})

test('a pending entry that was trimmed away is forgotten', async () => {
  await publish(1, 2)
  await readAndDie('judge-1')
  await redis.client.xtrim(STREAM, 'MAXLEN', 0)
  await publish(3)
  const { handled } = start()
  await until(() => expect(handled).toEqual([3]))
  await until(async () => expect(await stateNow()).toMatchObject({ pending: 0 }))
})

test('a key of another type is no reason to die: it is waited for', async () => {
  await redis.client.set(STREAM, 'somebody was here')
  const { handled } = start()
  await sleep(300)
  await redis.client.del(STREAM)
  await publish(1)
  await until(() => expect(handled).toEqual([1]), 10_000)
})

test('at rest a consumer asks once per wait and nothing else', async () => {
  const one = start({ blockMs: 1_000 })
  await connected(one)
  await sleep(500)
  await redis.client.config('RESETSTAT')
  await sleep(3_000)
  const stats = await redis.client.info('commandstats')
  const calls = [...stats.matchAll(/cmdstat_([a-z|]+):calls=(\d+)/g)].map(([, name, n]) => [
    name,
    Number(n),
  ])
  const spent = calls.filter(([name]) => name !== 'config|resetstat' && name !== 'info')
  expect(spent.map(([name]) => name)).toEqual(['xreadgroup'])
  expect(Number(spent[0]?.[1])).toBeLessThanOrEqual(4)
})

test('closing while Redis is away takes no longer than an attempt to connect', async () => {
  const consumer = openConsumer<number>({
    url: '/nowhere/redis.sock',
    name: 'judge-test',
    streams: [STREAM],
    consumerName: 'judge-1',
    log,
    leaseMs: 15_000,
    parse: () => 0,
    handle: () => Promise.reject(new Error('There is nothing to handle.')),
    onDead: () => Promise.reject(new Error('Nothing here is dead.')),
  })
  await sleep(400)
  expect(() => consumer.check()).toThrow(/not connected/)
  const since = performance.now()
  await consumer.close()
  expect(performance.now() - since).toBeLessThan(4_000)
})

test('an outage of the database between two lives does not count as a death', async () => {
  await publish(1)
  for (let life = 0; life < 8; life += 1) {
    const { promise: tried, resolve } = Promise.withResolvers<void>()
    const { consumer } = start({
      handle: async () => {
        resolve()
        throw new RetryableError('UNAVAILABLE', 'The database is away.')
      },
    })
    await tried
    await sleep(20)
    await consumer.close()
  }
  const { handled } = start()
  await until(() => expect(handled).toEqual([1]))
})
