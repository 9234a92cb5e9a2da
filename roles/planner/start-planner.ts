import { insertLetters } from '@chimera/infra/database/letters/insert-letters'
import { type Consumer, openConsumer } from '@chimera/infra/streams/consumer'
import type { Metrics } from '@chimera/runtime/metrics'

import { openGoalHandler, recoverGoals } from './handle-goals.ts'
import type { PlannerDeps } from './plan-goals.ts'
import { type Door, openGoalReader } from './read-goal-entry.ts'

/** Takes up what earlier lives left behind, then consumes `chimera:goals` until it is closed. */
export async function startPlanner(
  deps: PlannerDeps & {
    readonly redisUrl: string
    readonly door: Door
    readonly metrics?: Metrics
  },
): Promise<Consumer & { recovered: number }> {
  const { actor, crash, database, door, leaseMs, log, metrics } = deps
  const recovered = await recoverGoals(deps)
  const consumer = openConsumer({
    url: deps.redisUrl,
    name: 'planner-goals',
    streams: ['chimera:goals'],
    consumerName: actor,
    log,
    leaseMs,
    ...(metrics === undefined ? {} : { metrics }),
    parse: openGoalReader(door),
    handle: openGoalHandler(deps),
    onDead: async (letters) => {
      await insertLetters(database, { letters, actor })
    },
    hooks: {
      onRead: () => crash('planner.goal.read'),
      onAcknowledged: () => crash('planner.goal.acknowledged'),
    },
  })
  return { ...consumer, recovered }
}
