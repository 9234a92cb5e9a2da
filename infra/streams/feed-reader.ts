import { CancelledError, RetryableError } from '@chimera/contracts/errors'
import type { FeedEvent } from '@chimera/contracts/trail/feed'
import type { Logger } from '@chimera/runtime/log'
import type { Redis } from 'ioredis'

import { FEED, FEED_START, type FeedLine, linesOf, placeOf } from './feed/feed-line.ts'
import { type FeedTail, lastFeedId, openFeedTail } from './feed/feed-tail.ts'
import {
  checkConnected,
  disconnect,
  openBlocking,
  unavailable,
  type RedisConnection,
} from './open-redis.ts'
import { entriesOf } from './replies.ts'

/** What a listener gets. The id goes out as SSE's `id`, and comes back as `Last-Event-ID`. */
export type FeedItem =
  | Readonly<{ kind: 'event'; id: string; event: FeedEvent }>
  /**
   * Events are missing here (trimmed, or Redis lost them): what is shown has to be loaded again.
   */
  | Readonly<{ kind: 'reset' }>

export type FeedReader = AsyncDisposable &
  Readonly<{
    /**
     * Every event after the one named by `after`, in order, without end; only new ones when it is
     * not given. An id that is unknown gives `reset` first. Ends when `signal` is aborted or the
     * reader is closed. Throws RATE_LIMITED when too many listen. A slow listener slows down nobody
     * else.
     */
    follow: (options: {
      after?: string | undefined
      signal: AbortSignal
    }) => AsyncGenerator<FeedItem, void>
    check: () => void
  }>

const MAX_LISTENERS = 1_000
/** Entries, of some events each. */
const PAGE = 50

/**
 * One blocking reader of `chimera:feed` for all listeners of a process; idle while there is none.
 */
export function openFeedReader(options: {
  url: string
  name: string
  log: Logger
  /** For what lies further back. */
  redis: RedisConnection
}): FeedReader {
  const client = openBlocking(options)
  const closing = new AbortController()
  const tail = openFeedTail({ client, signal: closing.signal })
  let listeners = 0
  async function* follow({
    after,
    signal,
  }: Parameters<FeedReader['follow']>[0]): AsyncGenerator<FeedItem, void> {
    if (listeners >= MAX_LISTENERS) {
      throw new RetryableError('RATE_LIMITED', `The feed has ${MAX_LISTENERS} listeners already.`)
    }
    listeners += 1
    const seat = tail.join()
    try {
      yield* items({ after, signal, tail, redis: options.redis.client })
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error
    } finally {
      seat[Symbol.dispose]()
      listeners -= 1
    }
  }
  return {
    follow,
    check: () => checkConnected(client),
    [Symbol.asyncDispose]: async () => {
      closing.abort()
      await disconnect(client)
      await tail.ended
    },
  }
}

async function* items(options: {
  after: string | undefined
  signal: AbortSignal
  tail: FeedTail
  redis: Redis
}): AsyncGenerator<FeedItem, void> {
  const { after, signal, tail, redis } = options
  let last = after ?? (await lastFeedId(redis))
  // Only Redis can say whether an id that came from outside is one of the feed's.
  let isKnown = after === undefined
  while (!signal.aborted) {
    const lines = (isKnown ? tail.after(last) : undefined) ?? (await pageAfter(redis, last))
    isKnown = true
    if (lines === undefined) {
      yield { kind: 'reset' }
      last = await lastFeedId(redis)
      continue
    }
    for (const { id, event } of lines) {
      last = id
      if (event !== undefined) yield { kind: 'event', id, event }
    }
    if (lines.length === 0) await tail.changed(last, signal)
  }
}

/**
 * Nothing when the feed does not hold the entry to begin after: then it is not known what is
 * missing.
 */
async function pageAfter(redis: Redis, id: string): Promise<readonly FeedLine[] | undefined> {
  const place = placeOf(id)
  if (place === undefined) return undefined
  const { entry, read = Infinity } = place
  const reply = await redis.xrange(FEED, entry, '+', 'COUNT', PAGE + 1).catch((cause: unknown) => {
    throw unavailable(cause)
  })
  const entries = entriesOf(reply)
  if (id === FEED_START) return entries.flatMap(linesOf)
  const [first, ...others] = entries
  if (first?.id !== entry) return undefined
  return [...linesOf(first).slice(read), ...others.flatMap(linesOf)]
}
