import { MAX_BATCH, type WorkStream } from '@chimera/contracts/streams'
import { delay } from '@chimera/runtime/backoff'
import type { Redis } from 'ioredis'

import type { DeadLetter } from '../dead-letter.ts'
import { openBatchRunner } from './batch-runner.ts'
import {
  openConsumerGroup,
  type ConsumerGroup,
  type Delivered,
  type EntryIds,
} from './consumer-group.ts'
import type { ConsumerOptions } from './consumer-options.ts'
import { fairSlices } from './fair-slices.ts'
import { addTo, openLetterDesk } from './letter-desk.ts'
import { openPatience } from './patience.ts'
import { openRecovery, type Recovery } from './recovery.ts'
import { openSuspects, type Suspects } from './suspects.ts'

/** The work of a consumer, one step at a time. */
export type ConsumerLoop = Readonly<{
  /** One round: what was left, what is stale, what failed alone, then what is new. */
  step: () => Promise<void>
  /** Something may have been lost on the way: it is looked for in the next step. */
  distrust: () => void
  /** True while Redis is asked for new entries: nothing is in hand then. */
  isWaiting: () => boolean
  /** Waits for the answer to the last acknowledgement; throws what went wrong with it. */
  settled: () => Promise<void>
}>

/** How long one read waits for something new ... */
const BLOCK_MS = 5_000
/** ... and while so many in a row found nothing: waking is most of what a resting role costs. */
const RESTING_BLOCK_MS = 15_000
const RESTING_AFTER_READS = 3
/**
 * Looking for stale entries is a command per stream: rare, or a quiet system would not be quiet.
 */
const MAX_SWEEP_MS = 15_000
const MIN_SWEEP_MS = 1_000

export function openConsumerLoop<T>(
  options: ConsumerOptions<T> & { client: Redis; signal: AbortSignal },
): ConsumerLoop {
  const { streams, log, signal, maxBatch = MAX_BATCH } = options
  const random = Math.random
  const group = openConsumerGroup(options)
  const patience = openPatience({ signal, random })
  const suspects = openSuspects<T>({ random, now: Date.now })
  const acknowledger = openAcknowledger(options, group)
  const desk = openLetterDesk({ onDead: options.onDead, ...acknowledger, log, patience })
  const runner = openBatchRunner({ ...options, desk, suspects, forgive: group.forgive, patience })
  const run = observed(options, runner.run)
  const minIdleMs = 2 * options.leaseMs
  const recovery = openRecovery({
    group,
    run,
    desk,
    isHeld: suspects.has,
    maxBatch,
    minIdleMs,
  })
  const sweep = openSweep({ recovery, streams, minIdleMs, random })
  const reader = openReader({
    group,
    suspects,
    maxBatch,
    ...(options.blockMs === undefined
      ? { blockMs: BLOCK_MS, restingBlockMs: RESTING_BLOCK_MS }
      : { blockMs: options.blockMs, restingBlockMs: options.blockMs }),
    signal,
  })
  let isTrusted = false
  return {
    step: async () => {
      if (!isTrusted) {
        await acknowledger.settled().catch(() => undefined)
        await acknowledger.flush()
        for (const stream of streams) await recovery.recoverOwn(stream)
        isTrusted = true
      }
      await sweep.runWhenDue()
      await runner.runSuspects()
      const delivered = await reader.read(sweep.hasMore())
      await acknowledger.settled()
      for (const slice of fairSlices(delivered, maxBatch)) if (!signal.aborted) await run(slice)
    },
    distrust: () => void (isTrusted = false),
    isWaiting: reader.isWaiting,
    settled: acknowledger.settled,
  }
}

/** Reads new entries, waiting for them no longer than until something else is due. */
function openReader(options: {
  group: ConsumerGroup
  suspects: Pick<Suspects<unknown>, 'count' | 'nextMs'>
  maxBatch: number
  blockMs: number
  restingBlockMs: number
  signal: AbortSignal
}): { read: (isHurried: boolean) => Promise<Delivered[]>; isWaiting: () => boolean } {
  const { group, suspects, maxBatch, signal } = options
  let busyStreams = 1
  let emptyReads = 0
  let isWaiting = false
  const read = async (isHurried: boolean): Promise<Delivered[]> => {
    if (signal.aborted) return []
    const isResting = emptyReads >= RESTING_AFTER_READS
    const longestMs = isResting ? options.restingBlockMs : options.blockMs
    const suspectMs = suspects.nextMs() ?? longestMs
    if (suspects.count() >= maxBatch) {
      // A handler that fails with everything must not fill the memory with it.
      await delay(suspectMs, signal)
      return []
    }
    // BLOCK 0 would be for ever.
    const blockMs = isHurried ? 1 : Math.max(1, Math.ceil(Math.min(longestMs, suspectMs)))
    // COUNT is for each stream: shared out among those that had something the last time.
    const count = Math.max(1, Math.floor(maxBatch / busyStreams))
    isWaiting = true
    try {
      const delivered = await group.read(count, blockMs)
      emptyReads = delivered.length === 0 && !isHurried ? emptyReads + 1 : 0
      busyStreams = Math.max(1, new Set(delivered.map(({ stream }) => stream)).size)
      return delivered
    } finally {
      isWaiting = false
    }
  }
  return { read, isWaiting: () => isWaiting }
}

type Acknowledger = Readonly<{
  /**
   * Sends the acknowledgement; waits for its answer only where letters go with it. Whatever is
   * asked of Redis next stands behind it on the same connection.
   */
  acknowledge: (done: EntryIds, letters: readonly DeadLetter[]) => Promise<void>
  /** Waits for what was sent; throws what went wrong with it. */
  settled: () => Promise<void>
  /** Says again what did not arrive. */
  flush: () => Promise<void>
}>

/** Acknowledges, and keeps in mind what could not be: it is done and must only be said again. */
function openAcknowledger(
  options: Pick<ConsumerOptions<unknown>, 'hooks' | 'metrics'>,
  group: ConsumerGroup,
): Acknowledger {
  const { hooks, metrics } = options
  const open = new Map<WorkStream, string[]>()
  let sent = Promise.resolve()
  const flush = async (letters: readonly DeadLetter[] = []): Promise<void> => {
    const saying = new Map(open)
    open.clear()
    try {
      await group.acknowledge(saying, letters)
    } catch (error) {
      for (const [stream, ids] of saying) for (const id of ids) addTo(open, stream, id)
      throw error
    }
  }
  return {
    acknowledge: async (done, letters) => {
      for (const [stream, ids] of done) for (const id of ids) addTo(open, stream, id)
      for (const { stream, code } of letters) metrics?.deadLetters.inc({ stream, code })
      const said = flush(letters).then(() => hooks?.onAcknowledged?.(new Set(done.keys())))
      if (letters.length > 0) return said
      const before = sent
      sent = said.then(() => before)
      sent.catch(() => undefined)
    },
    settled: async () => {
      const last = sent
      sent = Promise.resolve()
      await last
    },
    flush,
  }
}

/** Now and then, at times of its own, looks for what other consumers left behind. */
function openSweep(options: {
  recovery: Recovery
  streams: readonly WorkStream[]
  minIdleMs: number
  random: () => number
}): { runWhenDue: () => Promise<void>; hasMore: () => boolean } {
  const { recovery, streams, minIdleMs, random } = options
  const everyMs = Math.min(MAX_SWEEP_MS, Math.max(MIN_SWEEP_MS, minIdleMs / 2))
  const next = (): number => Date.now() + everyMs * (1 + random() / 4)
  let dueAt = next()
  let hasMore = false
  const runWhenDue = async (): Promise<void> => {
    if (!hasMore && Date.now() < dueAt) return
    const results: boolean[] = []
    for (const stream of streams) results.push(await recovery.recoverStale(stream))
    hasMore = results.includes(true)
    dueAt = next()
  }
  return { runWhenDue, hasMore: () => hasMore }
}

/** Calls the hooks and measures, around the handling of one batch. */
function observed(
  options: Pick<ConsumerOptions<unknown>, 'hooks' | 'metrics'>,
  run: (delivered: readonly Delivered[]) => Promise<void>,
): (delivered: readonly Delivered[]) => Promise<void> {
  const { hooks, metrics } = options
  return async (delivered) => {
    if (delivered.length === 0) return
    const counts = new Map<WorkStream, number>()
    for (const { stream } of delivered) counts.set(stream, (counts.get(stream) ?? 0) + 1)
    hooks?.onRead?.(new Set(counts.keys()))
    const since = performance.now()
    await run(delivered)
    const seconds = (performance.now() - since) / 1_000
    for (const [stream, count] of counts) {
      metrics?.batchSize.observe({ stream }, count)
      metrics?.batchSeconds.observe({ stream }, seconds)
    }
  }
}
