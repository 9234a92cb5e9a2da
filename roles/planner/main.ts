import type { WorkStream } from '@chimera/contracts/streams'
import { findTenant } from '@chimera/infra/database/goals/find-tenant'
import { openDatabase } from '@chimera/infra/database/open-database'
import { openTenantDatabase, sqlOf } from '@chimera/infra/database/tenant-database'
import { openRoleModel } from '@chimera/infra/llm/open-role-model'
import { openSwarmRecollection } from '@chimera/infra/memory/swarm-recollection'
import { inspectStreams } from '@chimera/infra/streams/inspect'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { ConfigError } from '@chimera/runtime/config'
import { runProcess } from '@chimera/runtime/run-process'

import { openTaskQueue } from './queue-tasks.ts'
import { openRingRoom } from './ring-room.ts'
import { startPlanner } from './start-planner.ts'

await runProcess({
  name: 'planner',
  sections: ['postgres', 'redis', 'roles', 'goals', 'llm', 'memory'],
  async start({ config, consumerName, log, stack, health, metrics, crash }) {
    const url = config.DATABASE_URL
    const database = stack.use(openDatabase({ url, name: 'planner', log, role: 'chimera_swarm' }))
    const redis = stack.use(await openRedis({ url: config.REDIS_URL, name: 'planner', log }))
    const tenantId = config.TENANT_ID.toLowerCase()
    const own = sqlOf(openTenantDatabase(database), { tenantIds: [tenantId] })
    if ((await findTenant(own, tenantId)) === undefined) {
      throw new ConfigError([{ pointer: 'TENANT_ID', detail: 'names no tenant of this database' }])
    }
    const lagOf = async (streams: readonly WorkStream[]) =>
      new Map((await inspectStreams({ redis, streams })).map(({ name, lag }) => [name, lag]))
    const publisher = openPublisher({ redis, source: 'planner' })
    const parts = { config, database, publisher, actor: consumerName, log }
    const model = stack.use(await openRoleModel(parts))
    const planner = stack.use(
      await startPlanner({
        database,
        publisher,
        redisUrl: config.REDIS_URL,
        door: { from: config.GOALS_FROM_STREAM, tenantId },
        actor: consumerName,
        leaseMs: config.LEASE_MS,
        tasks: openTaskQueue({ room: openRingRoom({ lagOf }), log }),
        model,
        recollect: openSwarmRecollection({ config, database, log, stack }),
        log,
        metrics,
        crash,
      }),
    )
    health.addCheck('streams', planner.check)
    health.addCheck('redis', redis.check)
    return { consumer: consumerName, recovered: planner.recovered }
  },
})
