import { entryFields } from '@chimera/contracts/envelope'
import { RetryableError, TerminalError } from '@chimera/contracts/errors'
import {
  MAX_BATCH,
  MAX_ENTRY_BYTES,
  MAX_FEED_EVENTS,
  STREAMS,
  type StreamName,
} from '@chimera/contracts/streams'
import type { Redis } from 'ioredis'

import { bytesOf } from './entry-bytes.ts'
import { unavailable, type RedisConnection } from './open-redis.ts'

/** One entry to be: the payload goes under the field that the table of streams names. */
export type Publication = Readonly<{
  stream: StreamName
  payload: unknown
  tenant?: string | undefined
  traceparent?: string | undefined
  /** The id of what caused this: an entry, a row. */
  causation?: string | undefined
}>

export type Publisher = Readonly<{
  /**
   * Sends in order, 500 entries per round trip; returns when Redis has them all. Throws UNAVAILABLE
   * when it is not known that it has: publish again, an entry that comes twice is harmless. Throws
   * ENTRY_TOO_LARGE, before anything is sent, for what no consumer would read.
   */
  publish: (batch: readonly Publication[]) => Promise<void>
}>

export function openPublisher(options: {
  redis: RedisConnection
  /** Who publishes: the role's name. */
  source: string
  now?: () => Date
}): Publisher {
  const { redis, source, now = () => new Date() } = options
  return {
    publish: async (batch) => {
      const time = now().toISOString()
      const commands = gathered(batch).map((entry) => commandOf(entry, { source, time }))
      for (let from = 0; from < commands.length; from += MAX_BATCH) {
        await send(redis.client, commands.slice(from, from + MAX_BATCH))
      }
    },
  }
}

/** One entry with all its payloads: one, but for the feed. */
type Gathered = Omit<Publication, 'payload'> & { readonly payloads: unknown[] }

/**
 * Events for people that follow each other share an entry: a transaction of 500 tasks tells of a
 * thousand moves, and Redis and both ends of the wire work by the entry.
 */
function gathered(batch: readonly Publication[]): Gathered[] {
  const entries: Gathered[] = []
  for (const { payload, ...rest } of batch) {
    const last = entries.at(-1)
    if (
      last !== undefined &&
      rest.stream === 'chimera:feed' &&
      last.stream === 'chimera:feed' &&
      last.tenant === rest.tenant &&
      last.payloads.length < MAX_FEED_EVENTS
    )
      last.payloads.push(payload)
    else entries.push({ ...rest, payloads: [payload] })
  }
  return entries
}

function commandOf(
  { stream, payloads, tenant, traceparent, causation }: Gathered,
  meta: { source: string; time: string },
): [string, ...string[]] {
  const fields = entryFields(
    {
      ...meta,
      ...(tenant === undefined ? {} : { tenant }),
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(causation === undefined ? {} : { causation }),
    },
    STREAMS[stream].field,
    ...payloads,
  )
  const bytes = bytesOf(fields)
  if (bytes > MAX_ENTRY_BYTES) {
    throw new TerminalError(
      'ENTRY_TOO_LARGE',
      `An entry for ${stream} has ${bytes} bytes; ${MAX_ENTRY_BYTES} is the most.`,
    )
  }
  return [stream, ...capOf(stream), '*', ...fields]
}

/** Only what is no work may be cut by length. */
export function capOf(stream: StreamName): string[] {
  const row = STREAMS[stream]
  return 'maxLength' in row ? ['MAXLEN', '~', String(row.maxLength)] : []
}

async function send(client: Redis, commands: readonly [string, ...string[]][]): Promise<void> {
  const pipeline = client.pipeline()
  for (const [key, ...args] of commands) pipeline.call('XADD', key, ...args)
  const results = await pipeline.exec().catch((cause: unknown) => {
    throw unavailable(cause)
  })
  const failed = results?.find(([error]) => error !== null)
  if (failed !== undefined) throw unavailable(failed[0])
  if (results?.length !== commands.length) {
    throw new RetryableError('UNAVAILABLE', 'Redis answered to fewer entries than were sent.')
  }
}
