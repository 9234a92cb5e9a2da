import { RetryableError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'
import { WORK_STREAMS } from '@chimera/contracts/streams'
import { saveMarker } from '@chimera/infra/database/sweeps/stream-marker'
import { readMarker, setMarker } from '@chimera/infra/streams/marker'

import type { KeeperDeps } from '../duties/keeper-deps.ts'
import { ringWaiting } from './ring-waiting.ts'

/**
 * Rings everything that waits, once, after Redis has lost its memory. A new marker is set in Redis
 * first and mirrored in the record last: a crash in between, or another loss, and everything is
 * rung again by the next round, which is harmless. Returns the marker, or null when it was cut off.
 */
export async function republishAll(deps: KeeperDeps, signal: AbortSignal): Promise<string | null> {
  const marker = newId()
  await setMarker({ redis: deps.redis, marker })
  let count = 0
  await ringWaiting(deps, {
    which: 'all',
    streams: WORK_STREAMS,
    mayRing: () => true,
    onRung: () => {
      count += 1
    },
    signal,
  })
  if (signal.aborted) return null
  if ((await readMarker({ redis: deps.redis })) !== marker) {
    throw new RetryableError('UNAVAILABLE', 'Redis lost its memory again while it was rung.')
  }
  await saveMarker(deps.database, marker)
  deps.log.info({ rows: count }, 'published again what waited')
  return marker
}
