import type { TaskType } from '@chimera/contracts/agent-task'
import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { runProcess } from '@chimera/runtime/run-process'
import { registerExecutors, type Executor } from '@chimera/worker/executors/executor'
import { startWorker } from '@chimera/worker/start-worker'

/**
 * The Worker's composition root with other executors than the product's, for the main file of a
 * process that a test starts. `seen` puts a lens before the record, to take a guard out.
 */
export function runTestWorker(of: {
  executors: readonly Executor[]
  taskTypes: readonly TaskType[]
  seen?: (database: Database) => Database
}): Promise<void> {
  return runProcess({
    name: 'worker',
    sections: ['postgres', 'redis', 'roles', 'worker'],
    async start({ config, consumerName, log, stack, metrics, crash }) {
      const url = config.DATABASE_URL
      const database = stack.use(openDatabase({ url, name: 'worker', log, role: 'chimera_swarm' }))
      const redis = stack.use(await openRedis({ url: config.REDIS_URL, name: 'worker', log }))
      stack.use(
        await startWorker({
          consumerName,
          database: of.seen?.(database) ?? database,
          publisher: openPublisher({ redis, source: 'worker' }),
          redisUrl: config.REDIS_URL,
          executors: registerExecutors(of.executors),
          taskTypes: of.taskTypes,
          leaseMs: config.LEASE_MS,
          caps: { agent: config.AGENT_MAX_IN_FLIGHT, tenant: config.TENANT_MAX_IN_FLIGHT },
          toolToken: config.TOOL_TOKEN,
          log,
          metrics,
          crash,
          random: Math.random,
        }),
      )
    },
  })
}
