import { trimStreams } from '@chimera/infra/streams/trim'
import { delay } from '@chimera/runtime/backoff'

import type { KeeperDeps } from '../duties/keeper-deps.ts'
import type { Duty } from '../duties/run-duties.ts'

/** Seven streams cost 28 commands: a round every few seconds is too much at rest. */
const REST_MS = 120_000
/** A kilobyte an entry: 50,000 are 50 MB, and at full speed they are there after seconds. */
const BUSY_MS = 5_000
const BUSY_FROM = 20_000
const FIRST_MS = 20_000

/** Takes off the streams what every consumer has read and acknowledged. */
export function trimDuty(deps: Pick<KeeperDeps, 'redis' | 'log'>): Duty {
  let pauseMs = FIRST_MS
  return {
    name: 'trim',
    deadlineMs: 30_000,
    next: async (signal) => {
      await delay(pauseMs, signal)
      return async () => {
        const removed = await trimStreams({ redis: deps.redis })
        const sum = removed.values().reduce((total, count) => total + count, 0)
        pauseMs = sum >= BUSY_FROM ? BUSY_MS : REST_MS
        if (sum > 0) deps.log.debug({ removed: sum }, 'trimmed the streams')
      }
    },
  }
}
