/** A consumer as a program: told its settings on the command line, it says how fast it was. */
import { randomUUID } from 'node:crypto'

import type { Redis } from 'ioredis'
import { z } from 'zod'

export const ConsumeSettings = z.strictObject({ redisSocket: z.string(), entries: z.int() })
export const ConsumeWord = z.strictObject({ per_s: z.number() })

export const readSettings = (): z.infer<typeof ConsumeSettings> =>
  ConsumeSettings.parse(JSON.parse(process.argv[2] ?? ''))

/** The last line of the program. */
export function sayAndExit(per_s: number): never {
  process.stdout.write(`${JSON.stringify({ per_s })}\n`)
  process.exit(0)
}

const PER_CALL = 500

/** Puts as many rings as wanted onto the stream, of the form that the Judge reads. */
export async function fill(redis: Redis, stream: string, entries: number): Promise<void> {
  for (let from = 0; from < entries; from += PER_CALL) {
    const pipeline = redis.pipeline()
    for (let n = from; n < Math.min(entries, from + PER_CALL); n += 1)
      pipeline.xadd(stream, '*', 'result', JSON.stringify({ look_at: 'task', id: randomUUID() }))
    await pipeline.exec()
  }
}
