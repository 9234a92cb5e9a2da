import { WORK_STREAMS, type WorkStream } from '@chimera/contracts/streams'
import type { Redis } from 'ioredis'
import { z } from 'zod'

/** What was published on one stream. */
export type Published = Readonly<{
  stream: WorkStream
  entries: number
  /** How many tasks, or goals, the entries are about. */
  subjects: number
  /** Of those, how many by more than one entry. */
  twice: number
}>

const READ = 1_000
const BLOCK_MS = 500

const Reply = z
  .array(z.tuple([z.string(), z.array(z.tuple([z.string(), z.array(z.string())]))]))
  .nullable()
const Subject = z.looseObject({ task_id: z.string().optional(), id: z.string().optional() })

/**
 * Reads every stream of work from its beginning, beside the roles and without a group, and counts
 * the entries of each task. Throws where the Keeper's trim was faster than the reader: what was
 * not seen cannot be counted.
 */
export function countEntries(redis: Redis): { stop: () => Promise<Published[]> } {
  const own = redis.duplicate()
  const seen = new Map(
    WORK_STREAMS.map((stream) => [stream as string, { last: '0', of: new Map<string, number>() }]),
  )
  let isStopping = false
  const reading = (async () => {
    for (;;) {
      const ids = [...seen.values()].map(({ last }) => last)
      const limits = ['COUNT', READ, 'BLOCK', BLOCK_MS, 'STREAMS']
      const reply = Reply.parse(await own.call('XREAD', ...limits, ...seen.keys(), ...ids))
      for (const [stream, entries] of reply ?? []) note(seen.get(stream), entries)
      if (isStopping && reply === null) return
    }
  })()
  // Told by `stop`; a bench that fails before it has its own reason.
  reading.catch(() => undefined)
  return {
    stop: async () => {
      isStopping = true
      try {
        await reading
        return await Promise.all(WORK_STREAMS.map((stream) => publishedOn(own, stream, seen)))
      } finally {
        own.disconnect()
      }
    },
  }
}

type Seen = { last: string; of: Map<string, number> }

function note(seen: Seen | undefined, entries: [string, string[]][]): void {
  if (seen === undefined) return
  for (const [id, fields] of entries) {
    seen.last = id
    const subject = subjectOf(fields)
    seen.of.set(subject, (seen.of.get(subject) ?? 0) + 1)
  }
}

/** The payload is the field of the entry that holds an object. */
function subjectOf(fields: readonly string[]): string {
  const payload = fields.find((text, n) => n % 2 === 1 && text.startsWith('{'))
  const found = Subject.parse(JSON.parse(payload ?? '{}'))
  return found.task_id ?? found.id ?? ''
}

async function publishedOn(
  redis: Redis,
  stream: WorkStream,
  seen: ReadonlyMap<string, Seen>,
): Promise<Published> {
  const counts = [...(seen.get(stream)?.of.values() ?? [])]
  const entries = counts.reduce((sum, n) => sum + n, 0)
  const added = await entriesAdded(redis, stream)
  if (added !== entries)
    throw new Error(`${stream}: ${entries} entries were seen of ${added}; the trim was faster.`)
  return { stream, entries, subjects: counts.length, twice: counts.filter((n) => n > 1).length }
}

async function entriesAdded(redis: Redis, stream: WorkStream): Promise<number> {
  if ((await redis.exists(stream)) === 0) return 0
  const info = z.array(z.unknown()).parse(await redis.call('XINFO', 'STREAM', stream))
  return z.coerce.number().parse(info[info.indexOf('entries-added') + 1])
}
