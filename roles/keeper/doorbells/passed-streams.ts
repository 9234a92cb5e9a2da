import type { WorkStream } from '@chimera/contracts/streams'
import type { StreamState } from '@chimera/infra/streams/inspect'

/**
 * How long after its row a doorbell may come: a publisher that stalls between commit and publish,
 * and clocks of Redis and the record that differ.
 */
const SLACK_MS = 30_000

/** Rows are few for which this is needed, and a look reads a page of them. */
const LOOK_EVERY_MS = 5_000

/**
 * Tells how far groups have come on streams that are never quiet: everything before the oldest
 * entry that is pending, and before the last one that was delivered, has been handled. A row that
 * is older than that, and still waits, has lost its doorbell. A long queue is behind the last
 * delivered entry and not concerned.
 */
export type PassedStreams = {
  /** The age from which on rows of a stream have lost their doorbell; looked at now and then. */
  note(states: readonly StreamState[]): { stream: WorkStream; olderThanMs: number }[]
}

/** `now` is the wall clock: it is compared with the times in the ids of entries. */
export function openPassedStreams(of: { now: () => number }): PassedStreams {
  const lookedAt = new Map<WorkStream, number>()
  return {
    note(states) {
      const now = of.now()
      return states.flatMap((state) => {
        const { name } = state
        const passed = passedMs(state)
        if (passed === undefined) return []
        if (Math.abs(now - (lookedAt.get(name) ?? -Infinity)) < LOOK_EVERY_MS) return []
        lookedAt.set(name, now)
        return [{ stream: name, olderThanMs: Math.max(0, now - passed) + SLACK_MS }]
      })
    },
  }
}

/** Milliseconds since 1970 by the clock of Redis; nothing before the first delivery. */
function passedMs({ oldestPending, lastDelivered }: StreamState): number | undefined {
  const delivered = timeOf(lastDelivered)
  if (delivered === undefined) return undefined
  return Math.min(delivered, timeOf(oldestPending) ?? delivered)
}

function timeOf(entryId: string | null): number | undefined {
  const ms = Number(entryId?.split('-')[0])
  return Number.isSafeInteger(ms) && ms > 0 ? ms : undefined
}
