import type { WorkStream } from '@chimera/contracts/streams'

/**
 * How many doorbells of each tenant lie on the streams of tasks and have not been heard. A stream
 * is heard in order: whoever puts a hundred thousand on it makes everybody else wait behind them.
 * So a tenant gets one batch of its tasks onto it; the others wait for their turn in the record.
 */
export type RingRoom = Readonly<{
  /** Finds out what has been heard; asks nobody while little is out. */
  refresh: () => Promise<void>
  /** How many more of the tenant's tasks may be rung for on a stream. */
  roomOf: (stream: WorkStream, tenantId: string) => number
  noteRung: (stream: WorkStream, tenantId: string, count: number) => void
}>

/** Of one tenant on one stream: what one read of a Worker takes. */
const MOST_OF_TENANT = 500
/** Of all tenants on one stream, but for ... */
const MOST_OF_ALL = 2_000
/** ... so many, which every tenant may always have. */
const LEAST_OF_TENANT = 50

/** Below it no answer could change anything. */
const ASK_FROM = LEAST_OF_TENANT

type Out = { tenantId: string; count: number }

/** `lagOf` answers how many entries of each stream nobody was given yet; null: not known. */
export function openRingRoom(of: {
  lagOf: (streams: readonly WorkStream[]) => Promise<ReadonlyMap<WorkStream, number | null>>
}): RingRoom {
  /** By stream, the oldest first. */
  const rung = new Map<WorkStream, Out[]>()
  const outOf = (stream: WorkStream, tenantId?: string): number =>
    (rung.get(stream) ?? []).reduce(
      (sum, out) => sum + (tenantId === undefined || out.tenantId === tenantId ? out.count : 0),
      0,
    )
  return {
    async refresh() {
      const streams = [...rung.keys()].filter((stream) => outOf(stream) >= ASK_FROM)
      if (streams.length === 0) return
      for (const [stream, lag] of await of.lagOf(streams)) {
        // What is not known holds nobody back; and entries of others only make it look longer.
        rung.set(stream, newest(rung.get(stream) ?? [], lag ?? 0))
      }
    },
    roomOf(stream, tenantId) {
      const rest = Math.max(LEAST_OF_TENANT, MOST_OF_ALL - outOf(stream))
      const most = Math.min(MOST_OF_TENANT, rest)
      return Math.max(0, most - outOf(stream, tenantId))
    },
    noteRung(stream, tenantId, count) {
      if (count === 0) return
      const outs = rung.get(stream) ?? []
      outs.push({ tenantId, count })
      rung.set(stream, outs)
    },
  }
}

/** The last `most` of what was rung. */
function newest(outs: readonly Out[], most: number): Out[] {
  let left = most
  const kept: Out[] = []
  for (const out of outs.toReversed()) {
    if (left <= 0) break
    kept.push({ ...out, count: Math.min(out.count, left) })
    left -= out.count
  }
  return kept.toReversed()
}
