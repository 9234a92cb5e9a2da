import { TaskType } from '@chimera/contracts/agent-task'
import { openDatabase } from '@chimera/infra/database/open-database'
import { openRoleModel } from '@chimera/infra/llm/open-role-model'
import { openSwarmRecollection } from '@chimera/infra/memory/swarm-recollection'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { loadReviewedDefinitions } from '@chimera/infra/tools/reviewed-definitions'
import { ConfigError } from '@chimera/runtime/config'
import { runProcess } from '@chimera/runtime/run-process'

import { openExecutors } from './executors/executors.ts'
import { startWorker } from './start-worker.ts'

/** Claims and commits take one each, research at most two; one is to spare. */
const DATABASE_CONNECTIONS = 5

await runProcess({
  name: 'worker',
  sections: ['postgres', 'redis', 'roles', 'worker', 'llm', 'memory'],
  async start({ config, consumerName, log, stack, health, metrics, crash }) {
    const database = stack.use(
      openDatabase({
        url: config.DATABASE_URL,
        name: 'worker',
        log,
        role: 'chimera_swarm',
        max: DATABASE_CONNECTIONS,
      }),
    )
    const redis = stack.use(await openRedis({ url: config.REDIS_URL, name: 'worker', log }))
    const taskTypes = config.WORKER_TASK_TYPES.split(',').map((name) => taskTypeOf(name.trim()))
    const publisher = openPublisher({ redis, source: 'worker' })
    const parts = { config, database, publisher, actor: consumerName, log }
    const model = stack.use(await openRoleModel(parts))
    const worker = stack.use(
      await startWorker({
        consumerName,
        database,
        publisher,
        redisUrl: config.REDIS_URL,
        executors: openExecutors(model),
        taskTypes: [...new Set(taskTypes)],
        leaseMs: config.LEASE_MS,
        caps: { agent: config.AGENT_MAX_IN_FLIGHT, tenant: config.TENANT_MAX_IN_FLIGHT },
        toolToken: config.TOOL_TOKEN,
        reviewed: loadReviewedDefinitions(),
        recollect: openSwarmRecollection({ config, database, log, stack }),
        log,
        metrics,
        crash,
        random: Math.random,
      }),
    )
    health.addCheck('streams', worker.check)
    health.addCheck('redis', redis.check)
    return { consumer: consumerName, types: taskTypes }
  },
})

function taskTypeOf(name: string): TaskType {
  const parsed = TaskType.safeParse(name)
  if (parsed.success) return parsed.data
  const detail = `has to list some of ${TaskType.options.join(', ')}`
  throw new ConfigError([{ pointer: 'WORKER_TASK_TYPES', detail }])
}
