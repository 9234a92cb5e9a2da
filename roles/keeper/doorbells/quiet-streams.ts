import type { WorkStream } from '@chimera/contracts/streams'
import type { StreamState } from '@chimera/infra/streams/inspect'

/** How long a stream has to be empty and at rest before its rows count as unheard. */
export const QUIET_FOR_MS = 2_000

/** Longer without a look, and nobody knows what was there in between. */
const MAX_GAP_MS = 5_000

/**
 * Tells which streams have nothing left to hear: lag and pending both 0 at every look for 2 s. A
 * long queue is not a lost doorbell, and neither is an entry that somebody works on.
 */
export type QuietStreams = {
  /** Notes how streams stand now; returns those that have been quiet long enough. */
  note(states: readonly StreamState[]): WorkStream[]
  /** Something was published there, or nobody looked: the count begins again. */
  forget(streams: readonly WorkStream[]): void
}

export function openQuietStreams(of: { now: () => number }): QuietStreams {
  const since = new Map<WorkStream, { from: number; seen: number }>()
  return {
    note(states) {
      const now = of.now()
      const quiet: WorkStream[] = []
      for (const { name, lag, pending } of states) {
        // An unknown lag (null) is not 0.
        if (lag !== 0 || pending !== 0) {
          since.delete(name)
          continue
        }
        const known = since.get(name)
        const from = known !== undefined && now - known.seen <= MAX_GAP_MS ? known.from : now
        since.set(name, { from, seen: now })
        if (now - from >= QUIET_FOR_MS) quiet.push(name)
      }
      return quiet
    },
    forget(streams) {
      for (const stream of streams) since.delete(stream)
    },
  }
}
