import { findTenant } from '@chimera/infra/database/goals/find-tenant'
import { insertLetters } from '@chimera/infra/database/letters/insert-letters'
import { openDatabase } from '@chimera/infra/database/open-database'
import { openConsumer } from '@chimera/infra/streams/consumer'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { ConfigError } from '@chimera/runtime/config'
import { runProcess } from '@chimera/runtime/run-process'

import { openGoalHandler, recoverGoals } from './handle-goals.ts'
import { openGoalReader } from './read-goal-entry.ts'

await runProcess({
  name: 'planner',
  sections: ['postgres', 'redis', 'roles', 'goals'],
  async start({ config, consumerName, log, stack, health, metrics, crash }) {
    const database = stack.use(openDatabase({ url: config.DATABASE_URL, name: 'planner', log }))
    const redis = stack.use(await openRedis({ url: config.REDIS_URL, name: 'planner', log }))
    const tenantId = config.TENANT_ID.toLowerCase()
    if ((await findTenant(database, tenantId)) === undefined) {
      throw new ConfigError([{ pointer: 'TENANT_ID', detail: 'names no tenant of this database' }])
    }
    const leaseMs = config.LEASE_MS
    const publisher = openPublisher({ redis, source: 'planner' })
    const deps = { database, publisher, log, crash, actor: consumerName, leaseMs }
    const recovered = await recoverGoals(deps)
    const consumer = stack.use(
      openConsumer({
        url: config.REDIS_URL,
        name: 'planner-goals',
        streams: ['chimera:goals'],
        consumerName,
        log,
        leaseMs,
        metrics,
        parse: openGoalReader({ from: config.GOALS_FROM_STREAM, tenantId }),
        handle: openGoalHandler(deps),
        onDead: async (letters) => {
          await insertLetters(database, { letters, actor: consumerName })
        },
        hooks: {
          onRead: () => crash('planner.goal.read'),
          onAcknowledged: () => crash('planner.goal.acknowledged'),
        },
      }),
    )
    health.addCheck('streams', consumer.check)
    health.addCheck('redis', redis.check)
    return { consumer: consumerName, recovered }
  },
})
