import { randomUUID } from 'node:crypto'

import type { Redis } from 'ioredis'

import { entriesIn } from './bare/read-reply.ts'

/** As the product's largest batch. */
const BATCH = 500
const GROUP = 'raw'

/**
 * Entries a second that one connection reads, parses and acknowledges, batch after batch: what is
 * left of a consumer when nothing is done with what it reads. They lie there before the clock runs.
 */
export async function measureRawHop(of: {
  redis: Redis
  stream: string
  entries: number
}): Promise<number> {
  const { redis, stream, entries } = of
  await redis.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM')
  for (let from = 0; from < entries; from += BATCH) {
    const pipeline = redis.pipeline()
    for (let n = from; n < Math.min(entries, from + BATCH); n += 1)
      pipeline.xadd(stream, '*', 'result', JSON.stringify({ look_at: 'task', id: randomUUID() }))
    await pipeline.exec()
  }
  const began = performance.now()
  let read = 0
  while (read < entries) {
    const reply = await redis.call(
      'XREADGROUP',
      'GROUP',
      GROUP,
      'one',
      'COUNT',
      BATCH,
      'STREAMS',
      stream,
      '>',
    )
    const batch = entriesIn(reply)
    for (const [, fields] of batch) JSON.parse(fields[1] ?? '')
    await redis.xack(stream, GROUP, ...batch.map(([id]) => id))
    read += batch.length
  }
  const seconds = (performance.now() - began) / 1000
  await redis.del(stream)
  return entries / seconds
}
