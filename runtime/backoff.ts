import { setTimeout as sleep } from 'node:timers/promises'

import { CancelledError } from '@chimera/contracts/errors'

type Profile = Readonly<{ baseMs: number; capMs: number }>

/** Named by what is tried again. The cap is what a person would wait for without losing faith. */
export const BACKOFF = {
  /** A local server restarts in a second; one far away should not be stormed. */
  reconnect: { baseMs: 50, capMs: 2_000 },
  /** A batch of stream entries whose database or tool server is away. */
  batch: { baseMs: 100, capMs: 5_000 },
  /** An attempt of a task, kept in its row as `run_at`. */
  task: { baseMs: 1_000, capMs: 60_000 },
  /** One call to a tool server. */
  toolCall: { baseMs: 200, capMs: 5_000 },
} as const satisfies Record<string, Profile>

/** Beyond 2^30 times the base every profile has met its cap. */
const MAX_DOUBLINGS = 30

/**
 * Full jitter: anything from 0 to the doubled base, so that many who failed together do not come
 * back together. `attempt` counts from 1; `random` is in [0, 1).
 */
export function backoffMs(
  profile: keyof typeof BACKOFF,
  attempt: number,
  random: () => number,
): number {
  const { baseMs, capMs } = BACKOFF[profile]
  const doublings = Math.min(Math.max(attempt - 1, 0), MAX_DOUBLINGS)
  return Math.floor(random() * Math.min(capMs, baseMs * 2 ** doublings))
}

/** Waits; throws CancelledError when the signal is aborted before the time is over. */
export async function delay(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal })
  } catch (cause) {
    throw new CancelledError('CANCELLED', 'The wait was called off.', { cause })
  }
}
