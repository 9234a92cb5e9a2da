/** BullMQ's worker with a processor that does nothing; the jobs lie there before it starts. */
import { randomUUID } from 'node:crypto'

import { Queue, Worker } from 'bullmq'

import { readSettings, sayAndExit } from './entry.ts'

const { redisSocket, entries } = readSettings()
const connection = { path: redisSocket, maxRetriesPerRequest: null }
const NAME = `hop-${randomUUID()}`
const PER_CALL = 500
/** As in `facts`: the fastest of 1, 50 and 200. */
const CONCURRENCY = 50

const queue = new Queue(NAME, { connection })
const opts = { removeOnComplete: true }
for (let from = 0; from < entries; from += PER_CALL) {
  const some = Array.from({ length: Math.min(PER_CALL, entries - from) }, () => ({
    name: 'hop',
    data: { intent: randomUUID() },
    opts,
  }))
  await queue.addBulk(some)
}
const done = Promise.withResolvers<void>()
let left = entries
const began = performance.now()
const worker = new Worker(NAME, () => Promise.resolve(), { connection, concurrency: CONCURRENCY })
worker.on('completed', () => {
  left -= 1
  if (left === 0) done.resolve()
})
await done.promise
sayAndExit(entries / ((performance.now() - began) / 1000))
