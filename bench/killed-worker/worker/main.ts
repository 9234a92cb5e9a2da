/**
 * A Worker as the product composes it, whose drill fails now and then: `main.ts <share>`. All else
 * of it is the product's.
 */
import { RetryableError } from '@chimera/contracts/errors'
import { openDatabase } from '@chimera/infra/database/open-database'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { runProcess } from '@chimera/runtime/run-process'
import { defineExecutor, registerExecutors } from '@chimera/worker/executors/executor'
import { startWorker } from '@chimera/worker/start-worker'
import { z } from 'zod'

const share = z.coerce.number().min(0).max(1).parse(process.argv[2])
/** As many as the product's Worker has. */
const DATABASE_CONNECTIONS = 5

const drill = defineExecutor({
  kind: 'noop',
  execute: () => {
    if (Math.random() < share)
      throw new RetryableError('UNAVAILABLE', 'This drill fails now and then.')
    return { confidence: 1, artifacts: [], evidence: [], proposed_effects: [] }
  },
})

await runProcess({
  name: 'worker',
  sections: ['postgres', 'redis', 'roles', 'worker'],
  async start({ config, consumerName, log, stack, metrics, crash }) {
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
    stack.use(
      await startWorker({
        consumerName,
        database,
        publisher: openPublisher({ redis, source: 'worker' }),
        redisUrl: config.REDIS_URL,
        executors: registerExecutors([drill]),
        taskTypes: ['RESEARCH'],
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
