import { TaskType } from '@chimera/contracts/agent-task'
import { RetryableError } from '@chimera/contracts/errors'
import type { Sql } from '@chimera/infra/database/open-database'
import { countQueued } from '@chimera/infra/database/tasks/count-queued'

/** Refuses goals of agents that have too much waiting already. */
export type QueueGuard = Readonly<{
  /** Throws RATE_LIMITED, which says what to do. */
  assertRoom: (sql: Sql, of: { tenantId: string; agentId: string }) => Promise<void>
}>

/** A count holds so long: a long queue is not counted for every goal. */
const KNOWN_FOR_MS = 2_000
/** When a client may try again. */
const RETRY_AFTER_MS = 5_000
/** Agents whose count is kept; beyond it all are counted again. */
const MAX_KNOWN = 10_000

/**
 * Only a queue is refused, never a goal that is in the record already: what was accepted is done.
 * Between two counts an agent may post a little more than its cap.
 */
export function openQueueGuard(of: { most: number; now: () => number }): QueueGuard {
  const { most, now } = of
  const known = new Map<string, { queued: number; at: number }>()
  return {
    async assertRoom(sql, { tenantId, agentId }) {
      const key = `${tenantId} ${agentId}`
      const last = known.get(key)
      const isFresh = last !== undefined && now() - last.at < KNOWN_FOR_MS
      const queued = isFresh
        ? last.queued
        : await countQueued(sql, { tenantId, agentId, types: TaskType.options, most })
      if (!isFresh) {
        if (known.size >= MAX_KNOWN) known.clear()
        known.set(key, { queued, at: now() })
      }
      if (queued < most) return
      const message =
        `${most.toLocaleString('en-US')} tasks of the agent ${agentId} wait for their turn, the ` +
        'most that may (AGENT_MAX_QUEUED). Post this goal again when some of them are done, or ' +
        'cancel goals that are not needed any more.'
      throw new RetryableError('RATE_LIMITED', message, { retryAfterMs: RETRY_AFTER_MS })
    },
  }
}
