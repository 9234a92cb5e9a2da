/**
 * A Worker process of its own with other executors, for tests that kill it. `noop` tasks do what
 * their index says: 0 and 1..899 nothing, 900 never ends, 901 kills the process, above 1000 the
 * rest in milliseconds.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import { openDatabase } from '@chimera/infra/database/open-database'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { runProcess } from '@chimera/runtime/run-process'
import { defineExecutor, registerExecutors } from '@chimera/worker/executors/executor'
import { startWorker } from '@chimera/worker/start-worker'

const NOTHING = { confidence: 1, artifacts: [], evidence: [], proposed_effects: [] }

const drill = defineExecutor({
  kind: 'noop',
  execute({ payload: { index } }) {
    if (index === 900) return new Promise(() => undefined)
    if (index === 901) process.kill(process.pid, 'SIGKILL')
    return index > 1_000 ? sleep(index - 1_000, NOTHING) : NOTHING
  },
})

await runProcess({
  name: 'worker',
  sections: ['postgres', 'redis', 'roles', 'worker'],
  async start({ config, consumerName, log, stack, metrics, crash }) {
    const database = stack.use(openDatabase({ url: config.DATABASE_URL, name: 'worker', log }))
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
        toolToken: config.TOOL_TOKEN,
        log,
        metrics,
        crash,
        random: Math.random,
      }),
    )
  },
})
