import { entryFields } from '@chimera/contracts/envelope'
import { InvariantError } from '@chimera/contracts/errors'
import { STREAMS, type WorkStream } from '@chimera/contracts/streams'
import type { Redis } from 'ioredis'

import type { DeadLetter } from '../dead-letter.ts'
import { unavailable } from '../open-redis.ts'
import { capOf } from '../publisher.ts'
import { entriesOf, listOf, numberOf, streamsOf, textOf, type RawEntry } from '../replies.ts'

/** An entry that Redis gave to this consumer. */
export type Delivered = Readonly<{
  stream: WorkStream
  raw: RawEntry
  /** This delivery included. */
  deliveries: number
}>

/** What Redis knows of an entry that is pending with this consumer. */
export type Pending = Readonly<{ id: string; deliveries: number }>

/** Ids by stream. */
export type EntryIds = ReadonlyMap<WorkStream, readonly string[]>

/** One member of a consumer group: the commands it needs, each of which throws UNAVAILABLE. */
export type ConsumerGroup = Readonly<{
  /**
   * New entries of all streams, at most `count` of each; none when `blockMs` passed without any.
   */
  read: (count: number, blockMs: number) => Promise<Delivered[]>
  /** A page of what is pending with this consumer, after an id. Does not count as a delivery. */
  findPending: (stream: WorkStream, after: string | undefined, count: number) => Promise<Pending[]>
  /** Delivers pending entries again; those that were trimmed away are left out. */
  claim: (stream: WorkStream, pending: readonly Pending[]) => Promise<Delivered[]>
  /** Makes idle entries of any consumer pending here, without delivering them. Says how many. */
  claimStale: (stream: WorkStream, minIdleMs: number) => Promise<number>
  /** Sets the count of deliveries back: what went wrong was not the entries' fault. */
  forgive: (innocent: EntryIds) => Promise<void>
  /** Reads without claiming. */
  find: (stream: WorkStream, id: string) => Promise<RawEntry | undefined>
  /** Acknowledges, and shows the letters on `chimera:dead`. */
  acknowledge: (done: EntryIds, letters: readonly DeadLetter[]) => Promise<void>
}>

/** A call scans ten times this many pending entries; Redis does nothing else meanwhile. */
export const STALE_PER_CALL = 100

/** Beyond the wait that Redis was asked for: then the connection is taken for dead. */
const WATCHDOG_MS = 5_000

const MAX_GROUP_REPAIRS = 3

export function openConsumerGroup(options: {
  client: Redis
  streams: readonly WorkStream[]
  consumerName: string
}): ConsumerGroup {
  const { client, streams, consumerName } = options
  const group = groupOf(streams)
  const command = (name: string, ...args: (string | number)[]) =>
    inGroup({ client, group, streams, run: () => client.call(name, ...args) })
  const cursors = new Map<WorkStream, string>()
  return {
    read: async (count, blockMs) => {
      const args = ['GROUP', group, consumerName, 'COUNT', count, 'BLOCK', blockMs, 'STREAMS']
      const hung = setTimeout(() => client.disconnect(true), blockMs + WATCHDOG_MS)
      try {
        const reply = await command('XREADGROUP', ...args, ...streams, ...streams.map(() => '>'))
        return streamsOf(reply).flatMap(({ stream: name, entries }) => {
          const stream = streams.find((known) => known === name)
          return stream === undefined ? [] : entries.map((raw) => ({ stream, raw, deliveries: 1 }))
        })
      } finally {
        clearTimeout(hung)
      }
    },
    findPending: async (stream, after, count) => {
      const start = after === undefined ? '-' : `(${after}`
      const reply = await command('XPENDING', stream, group, start, '+', count, consumerName)
      return listOf(reply).map((item) => {
        const [id, , , deliveries] = listOf(item)
        return { id: textOf(id), deliveries: numberOf(deliveries) }
      })
    },
    claim: async (stream, pending) => {
      if (pending.length === 0) return []
      const before = new Map(pending.map(({ id, deliveries }) => [id, deliveries]))
      const reply = await command('XCLAIM', stream, group, consumerName, 0, ...before.keys())
      return entriesOf(reply).map((raw) => {
        return { stream, raw, deliveries: (before.get(raw.id) ?? 0) + 1 }
      })
    },
    claimStale: async (stream, minIdleMs) => {
      const from = cursors.get(stream) ?? '0-0'
      const limit = ['COUNT', STALE_PER_CALL, 'JUSTID']
      const args = [stream, group, consumerName, minIdleMs, from, ...limit]
      const [next, ids] = listOf(await command('XAUTOCLAIM', ...args))
      cursors.set(stream, textOf(next))
      return listOf(ids).length
    },
    forgive: async (innocent) => {
      for (const [stream, ids] of innocent) {
        const counts = ['RETRYCOUNT', 0, 'JUSTID']
        await command('XCLAIM', stream, group, consumerName, 0, ...ids, ...counts)
      }
    },
    find: async (stream, id) => {
      const [entry] = entriesOf(await command('XRANGE', stream, id, id))
      return entry
    },
    acknowledge: (done, letters) => acknowledge({ client, group, done, letters }),
  }
}

/** XREADGROUP names one group for all its streams. */
function groupOf(streams: readonly WorkStream[]): string {
  const groups = new Set(streams.map((stream) => STREAMS[stream].group))
  const [group] = groups
  if (group === undefined || groups.size > 1) {
    throw new InvariantError(`One consumer cannot read streams of ${groups.size} groups.`)
  }
  return group
}

/**
 * Runs a command, making the groups when they are missing: at the first start and after FLUSHALL.
 * They begin at 0, so that what was published before them is read, too.
 */
async function inGroup(options: {
  client: Redis
  group: string
  streams: readonly WorkStream[]
  run: () => Promise<unknown>
}): Promise<unknown> {
  const { client, group, streams, run } = options
  for (let repairs = 0; ; repairs += 1) {
    try {
      return await run()
    } catch (cause) {
      if (!isGroupMissing(cause) || repairs >= MAX_GROUP_REPAIRS) throw unavailable(cause)
    }
    for (const stream of streams) {
      await client.xgroup('CREATE', stream, group, '0', 'MKSTREAM').catch((cause: unknown) => {
        if (!(cause instanceof Error && cause.message.startsWith('BUSYGROUP'))) {
          throw unavailable(cause)
        }
      })
    }
  }
}

/** UNBLOCKED is what 7.0 says to a reader whose stream vanishes while it waits. */
function isGroupMissing(cause: unknown): boolean {
  return cause instanceof Error && /^(NOGROUP|UNBLOCKED)/.test(cause.message)
}

async function acknowledge(options: {
  client: Redis
  group: string
  done: EntryIds
  letters: readonly DeadLetter[]
}): Promise<void> {
  const { client, group, done, letters } = options
  const pipeline = client.pipeline()
  for (const letter of letters) {
    pipeline.call('XADD', 'chimera:dead', ...capOf('chimera:dead'), '*', ...letterFields(letter))
  }
  for (const [stream, ids] of done) if (ids.length > 0) pipeline.xack(stream, group, ...ids)
  if (pipeline.length === 0) return
  const results = await pipeline.exec().catch((cause: unknown) => {
    throw unavailable(cause)
  })
  const failed = results?.find(([error]) => error !== null)
  if (failed !== undefined) throw unavailable(failed[0])
}

/** The mirror of the row, without the text that was somebody else's. */
function letterFields(letter: DeadLetter): string[] {
  const { id, tenant, stream, entryId, code, reason, bytes, sha256 } = letter
  const meta = { source: 'consumer', time: new Date().toISOString(), causation: entryId }
  const payload = { id, stream, entry_id: entryId, code, reason, bytes, sha256 }
  return entryFields(
    tenant === null ? meta : { ...meta, tenant },
    STREAMS['chimera:dead'].field,
    payload,
  )
}
