import { STREAMS, WORK_STREAMS, type WorkStream } from '@chimera/contracts/streams'

import { unavailable, type RedisConnection } from './open-redis.ts'
import { listOf, numberOf, recordOf, textOf } from './replies.ts'

/** How a stream of work stands with its group. */
export type StreamState = Readonly<{
  name: WorkStream
  group: string
  length: number
  /**
   * Entries that were never delivered. Null when Redis does not know it: never to be shown as 0.
   */
  lag: number | null
  /** Delivered and not acknowledged. */
  pending: number
  oldestPending: string | null
  /** Nothing before this id, and not this id itself, is unread. Null while there is no group. */
  lastDelivered: string | null
}>

type Reply = readonly [Error | null, unknown]

const COMMANDS_PER_STREAM = 3

/** Asks for all streams in one round trip. A stream that does not exist (yet) is empty. */
export async function inspectStreams(options: {
  redis: RedisConnection
  streams?: readonly WorkStream[]
}): Promise<StreamState[]> {
  const streams = options.streams ?? WORK_STREAMS
  const pipeline = options.redis.client.pipeline()
  for (const stream of streams) {
    pipeline.call('XINFO', 'GROUPS', stream)
    pipeline.call('XLEN', stream)
    pipeline.call('XPENDING', stream, STREAMS[stream].group)
  }
  const replies: readonly Reply[] =
    (await pipeline.exec().catch((cause: unknown) => {
      throw unavailable(cause)
    })) ?? []
  return streams.map((name, at) =>
    stateOf(name, replies.slice(at * COMMANDS_PER_STREAM, (at + 1) * COMMANDS_PER_STREAM)),
  )
}

function stateOf(name: WorkStream, [groups, count, summary]: readonly Reply[]): StreamState {
  const { group } = STREAMS[name]
  const length = numberOf(valueOf(count))
  const found = listOf(valueOf(groups) ?? [])
    .map(recordOf)
    .find((record) => record.get('name') === group)
  if (found === undefined) {
    // Without a group everything that lies there is still to be delivered.
    return { name, group, length, lag: length, ...NOTHING_DELIVERED }
  }
  const lag = found.get('lag')
  const pending = numberOf(found.get('pending'))
  const [, oldest] = pending === 0 ? [] : listOf(valueOf(summary) ?? [])
  return {
    name,
    group,
    length,
    lag: typeof lag === 'number' ? lag : null,
    pending,
    oldestPending: typeof oldest === 'string' ? oldest : null,
    lastDelivered: textOf(found.get('last-delivered-id')),
  }
}

const NOTHING_DELIVERED = { pending: 0, oldestPending: null, lastDelivered: null }

/** No stream, or no group, is an ordinary state; any other error is not. */
function valueOf(reply: Reply | undefined): unknown {
  const [error, value] = reply ?? [new Error('no answer'), null]
  if (error === null) return value
  if (/^NOGROUP|no such key/i.test(error.message)) return null
  throw unavailable(error)
}
