/**
 * A Worker that is not the product's, for tests of faults: its tweets take as long as `--dwell-ms`
 * says, its second attempt at a task uses other words than its first (`--reword`), and its clock is
 * off by `--clock-offset-ms`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { openDatabase } from '@chimera/infra/database/open-database'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { runProcess } from '@chimera/runtime/run-process'
import { defineExecutor, registerExecutors } from '@chimera/worker/executors/executor'
import { startWorker } from '@chimera/worker/start-worker'

import { reworded } from './reworded.ts'

const { values } = parseArgs({
  options: {
    reword: { type: 'boolean', default: false },
    'dwell-ms': { type: 'string', default: '0' },
    'clock-offset-ms': { type: 'string', default: '0' },
  },
})

const offsetMs = Number(values['clock-offset-ms'])
if (offsetMs !== 0) {
  const now = Date.now.bind(Date)
  Date.now = () => now() + offsetMs
}

const tweetPost = defineExecutor({
  kind: 'tweet.post',
  async execute({ task, payload }) {
    await sleep(Number(values['dwell-ms']))
    const { text, origin } = values.reword && task.attempt > 1 ? reworded(payload) : payload
    const { slot, media_ids, is_ai_labeled } = payload
    const args = { text, media_ids, is_ai_labeled }
    return {
      confidence: 1,
      artifacts: [],
      evidence: [],
      proposed_effects: [{ slot, tool: 'post_tweet', args, provenance: origin }],
    }
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
        executors: registerExecutors([tweetPost]),
        taskTypes: ['CONTENT_GEN'],
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
