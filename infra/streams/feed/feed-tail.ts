import { CancelledError, RetryableError } from '@chimera/contracts/errors'
import { MAX_FEED_EVENTS } from '@chimera/contracts/streams'
import type { Redis } from 'ioredis'

import { openPatience } from '../consuming/patience.ts'
import { whenReady } from '../consuming/when-ready.ts'
import { unavailable } from '../open-redis.ts'
import { entriesOf, streamsOf, type RawEntry } from '../replies.ts'
import { compareFeedIds, FEED, FEED_START, type FeedLine, linesOf } from './feed-line.ts'

/** The newest part of the feed, read once for all who listen. */
export type FeedTail = Readonly<{
  /** Begins to read; the tail sleeps while nobody listens. */
  join: () => Disposable
  /** Everything after `id`; undefined when that is further back than what is kept here. */
  after: (id: string) => readonly FeedLine[] | undefined
  /** Waits until there is something after `id`; throws CANCELLED at the stop. */
  changed: (id: string, signal: AbortSignal) => Promise<void>
}>

const BLOCK_MS = 5_000
const WATCHDOG_MS = 5_000
/** Events. A listener that is further behind reads from Redis. */
const MAX_KEPT = 1_000
/** Entries. */
const READ_COUNT = MAX_KEPT / MAX_FEED_EVENTS

export function openFeedTail(options: {
  client: Redis
  signal: AbortSignal
}): FeedTail & { ended: Promise<void> } {
  const { client, signal } = options
  let kept: readonly FeedLine[] = []
  /**
   * Everything after `from`, up to `to`, is kept. Undefined until it is known where the feed ends.
   */
  let span: Readonly<{ from: string; to: string }> | undefined
  let listeners = 0
  let change = Promise.withResolvers<void>()
  const announce = (): void => {
    change.resolve()
    change = Promise.withResolvers<void>()
  }
  signal.addEventListener('abort', announce)
  const isSleeping = (): boolean => listeners === 0 && !signal.aborted

  const reachesBeyond = (id: string): boolean =>
    span !== undefined && compareFeedIds(span.to, id) > 0

  const step = async (): Promise<void> => {
    if (isSleeping()) {
      span = undefined
      kept = []
      while (isSleeping()) await change.promise
    }
    if (signal.aborted) return
    if (span === undefined) {
      const end = await lastFeedId(client)
      span = { from: end, to: end }
      announce()
    }
    const lines = (await readAfter(client, span.to)).flatMap(linesOf)
    const last = lines.at(-1)
    if (last === undefined) return
    const all = [...kept, ...lines]
    kept = all.slice(-MAX_KEPT)
    span = { from: all.at(-MAX_KEPT - 1)?.id ?? span.from, to: last.id }
    announce()
  }
  return {
    ended: keepReading({ client, signal, step }),
    join: () => {
      listeners += 1
      announce()
      return { [Symbol.dispose]: () => void (listeners -= 1) }
    },
    after: (id) => {
      if (span === undefined || compareFeedIds(id, span.from) < 0) return undefined
      return kept.filter((line) => compareFeedIds(line.id, id) > 0)
    },
    changed: async (id, listening) => {
      while (!signal.aborted && !reachesBeyond(id)) await untilEither(change.promise, listening)
      if (signal.aborted) throw new CancelledError('CANCELLED', 'The feed is being closed.')
    },
  }
}

/** The newest id, or the start when the feed is empty. */
export async function lastFeedId(client: Redis): Promise<string> {
  const reply = await client.xrevrange(FEED, '+', '-', 'COUNT', 1).catch((cause: unknown) => {
    throw unavailable(cause)
  })
  return entriesOf(reply)[0]?.id ?? FEED_START
}

async function readAfter(client: Redis, id: string): Promise<RawEntry[]> {
  const hung = setTimeout(() => client.disconnect(true), BLOCK_MS + WATCHDOG_MS)
  try {
    const limits = ['COUNT', READ_COUNT, 'BLOCK', BLOCK_MS] as const
    const reply = await client.xread(...limits, 'STREAMS', FEED, id)
    return streamsOf(reply).flatMap(({ entries }) => entries)
  } catch (cause) {
    throw unavailable(cause)
  } finally {
    clearTimeout(hung)
  }
}

async function keepReading(options: {
  client: Redis
  signal: AbortSignal
  step: () => Promise<void>
}): Promise<void> {
  const { client, signal } = options
  const patience = openPatience({ signal, random: Math.random })
  for (let tries = 0; !signal.aborted;) {
    try {
      await options.step()
      tries = 0
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error
      tries += 1
      await patience.wait(tries, error).catch(() => undefined)
      await whenReady(client, signal)
    }
  }
}

async function untilEither(change: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  const stop = (): void => resolve()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    await Promise.race([change, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
  if (signal.aborted) throw new CancelledError('CANCELLED', 'The listener went away.')
}
