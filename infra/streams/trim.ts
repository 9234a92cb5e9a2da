import type { WorkStream } from '@chimera/contracts/streams'

import { compareEntryIds, nextEntryId } from './entry-id.ts'
import { inspectStreams, type StreamState } from './inspect.ts'
import { unavailable, type RedisConnection } from './open-redis.ts'

/** XTRIM with `~` takes off at most 10,000 entries at once; a million are enough for one round. */
const MAX_ROUNDS = 100

/**
 * Takes off what the group has read and acknowledged: everything below its oldest unread or pending
 * entry. Never by length, which would lose unread work, and never by XDEL, after which Redis does
 * not know the lag any more. Redis keeps whole nodes, so that up to a hundred old entries may stay.
 */
export async function trimStreams(options: {
  redis: RedisConnection
  streams?: readonly WorkStream[]
}): Promise<ReadonlyMap<WorkStream, number>> {
  const removed = new Map<WorkStream, number>()
  for (const state of await inspectStreams(options)) {
    const floor = floorOf(state)
    if (floor !== undefined) removed.set(state.name, await trim(options.redis, state.name, floor))
  }
  return removed
}

/**
 * The oldest id that must stay. What was last delivered, and how much of it is pending, are from
 * one answer of Redis; the oldest pending id is from a later one and can only be newer than it was
 * then, so that the older of the two is safe.
 */
export function floorOf(
  state: Pick<StreamState, 'pending' | 'oldestPending' | 'lastDelivered'>,
): string | undefined {
  if (state.lastDelivered === null) return undefined
  const unread = nextEntryId(state.lastDelivered)
  if (state.pending === 0 || state.oldestPending === null) return unread
  return compareEntryIds(state.oldestPending, unread) < 0 ? state.oldestPending : unread
}

async function trim(redis: RedisConnection, stream: WorkStream, floor: string): Promise<number> {
  let removed = 0
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const count = await redis.client.xtrim(stream, 'MINID', '~', floor).catch((cause: unknown) => {
      throw unavailable(cause)
    })
    removed += count
    if (count === 0) break
  }
  return removed
}
