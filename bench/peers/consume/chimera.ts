/** The product's own consumer: read, parse, validate, hand to a handler that does nothing, ack. */
import { ResultRing } from '@chimera/contracts/judging/rings'
import { openConsumer } from '@chimera/infra/streams/consumer'
import { openLog } from '@chimera/runtime/log'
import { Redis } from 'ioredis'

import { fill, readSettings, sayAndExit } from './entry.ts'

const { redisSocket, entries } = readSettings()
const STREAM = 'chimera:results'
const redis = new Redis(redisSocket)
await redis.del(STREAM)
await fill(redis, STREAM, entries)

const handled = Promise.withResolvers<void>()
let left = entries
const began = performance.now()
const consumer = openConsumer({
  url: redisSocket,
  name: 'bench',
  streams: [STREAM],
  consumerName: 'one',
  log: openLog({ name: 'bench', level: 'silent' }),
  leaseMs: 15_000,
  parse: ({ payload }) => ResultRing.parse(payload),
  handle: (batch) => {
    left -= batch.length
    if (left === 0) handled.resolve()
    return Promise.resolve(new Map())
  },
  onDead: () => Promise.reject(new Error('An entry of the bench is malformed.')),
})
await handled.promise
// The last batch is acknowledged before the consumer is closed.
await consumer.close()
sayAndExit(entries / ((performance.now() - began) / 1000))
