import { readMarker } from '@chimera/infra/streams/marker'

import type { KeeperDeps } from '../duties/keeper-deps.ts'
import { openRingMemory } from '../duties/ring-memory.ts'
import type { Duty } from '../duties/run-duties.ts'
import { openPassedStreams, type PassedStreams } from './passed-streams.ts'
import { openQuietStreams, type QuietStreams } from './quiet-streams.ts'
import { republishAll } from './republish-all.ts'
import { openDueBell } from './ring-due.ts'
import { ringLate } from './ring-late.ts'

/** Publishing 100,000 rows again takes some 10 s. */
const DEADLINE_MS = 60_000

/**
 * Rings again what nobody heard (design.md section 4): everything when Redis has lost its memory,
 * else only rows whose stream has been quiet while they grew old, or is long past them; and tasks
 * exactly when their `run_at` comes. (`parts` is what a negative control takes out.) At rest this
 * costs one GET per sweep.
 */
export function doorbellDuty(
  deps: KeeperDeps,
  parts: { quiet?: QuietStreams; passed?: PassedStreams } = {},
): Duty {
  const rung = openRingMemory({ now: () => performance.now() })
  const quiet = openQuietStreams({ now: () => performance.now() })
  const passed = openPassedStreams({ now: () => Date.now() })
  const memory = { quiet, passed, ...parts, rung }
  const dueBell = openDueBell({ now: () => performance.now() })
  // An overview that was under way when the marker was saved does not know it yet.
  let saved: string | null = null
  return {
    name: 'doorbells',
    deadlineMs: DEADLINE_MS,
    next: async (signal) => {
      const overview = await deps.sweep.next(signal)
      return async (round) => {
        const marker = await readMarker({ redis: deps.redis })
        if (marker === null || (marker !== overview.marker && marker !== saved)) {
          const isFirst = marker === null && overview.marker === null
          if (!isFirst) deps.log.warn('Redis has lost its memory; ringing all that waits again')
          rung.clear()
          saved = await republishAll(deps, round)
          return
        }
        await dueBell.ring(deps, overview)
        await ringLate(deps, { late: overview.late, memory, signal: round })
      }
    },
  }
}
