import { CancelledError, RetryableError } from '@chimera/contracts/errors'
import { delay } from '@chimera/runtime/backoff'
import type { Redis } from 'ioredis'

import { openConsumerLoop, type ConsumerLoop } from './consuming/consumer-loop.ts'
import type { ConsumerOptions } from './consuming/consumer-options.ts'
import { openPatience } from './consuming/patience.ts'
import { whenReady } from './consuming/when-ready.ts'
import { checkConnected, disconnect, openBlocking } from './open-redis.ts'

/** A member of a consumer group that works until it is closed. */
export type Consumer = AsyncDisposable &
  Readonly<{
    /** Throws UNAVAILABLE while not connected. Costs no round trip: for health checks. */
    check: () => void
    /** Finishes the batch in hand; what was not begun stays pending for the next life. */
    close: () => Promise<void>
  }>

/**
 * Consumes at once, on a blocking connection of its own, first what its last life left pending. At
 * least once, in order within a stream and tenant as long as nothing fails. A lost Redis is waited
 * for. A defect rejects a promise that nobody handles before `close`, so that the process ends as
 * it must.
 */
export function openConsumer<T>(
  options: ConsumerOptions<T> & {
    url: string
    /** Names the connection. */
    name: string
  },
): Consumer {
  const { url, name, log } = options
  const client = openBlocking({ url, name, log })
  const stopping = new AbortController()
  const { signal } = stopping
  const loop = openConsumerLoop({ ...options, client, signal })
  const running = keepRunning({ loop, client, signal })
  const close = async (): Promise<void> => {
    stopping.abort()
    // Otherwise the wait for entries that nobody wants any more would go on for seconds.
    const isIdle = loop.isWaiting() || client.status !== 'ready'
    const gone = isIdle ? saidAll(loop).then(() => disconnect(client)) : undefined
    try {
      await running
    } finally {
      await (gone ?? disconnect(client))
    }
  }
  return {
    check: () => checkConnected(client),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** What was done comes again when its acknowledgement is lost: harmless, and not worth a wait. */
const SAID_WITHIN_MS = 1_000

async function saidAll(loop: ConsumerLoop): Promise<void> {
  const tooLong = new AbortController()
  const said = loop.settled().catch(() => undefined)
  await Promise.race([said, delay(SAID_WITHIN_MS, tooLong.signal).catch(() => undefined)])
  tooLong.abort()
}

/** Steps until the stop; throws what only a programmer can repair. */
async function keepRunning(options: {
  loop: ConsumerLoop
  client: Redis
  signal: AbortSignal
}): Promise<void> {
  const { loop, client, signal } = options
  const patience = openPatience({ signal, random: Math.random })
  let tries = 0
  while (!signal.aborted) {
    try {
      await loop.step()
      tries = 0
    } catch (error) {
      if (signal.aborted && isOfTheStop(error)) return
      if (!(error instanceof RetryableError)) throw error
      loop.distrust()
      tries += 1
      await patience.wait(tries, error).catch(() => undefined)
      await whenReady(client, signal)
    }
  }
  await saidAll(loop)
}

function isOfTheStop(error: unknown): boolean {
  return error instanceof CancelledError || error instanceof RetryableError
}
