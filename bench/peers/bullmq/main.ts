/**
 * BullMQ: a flow of three chained jobs, each in a queue of its own. For speed each queue has its
 * own process, and the last step moves a row in Postgres.
 */
import { spawn } from 'node:child_process'

import { FlowProducer, Worker } from 'bullmq'

import { obey, openJob } from '../job.ts'
import { openRows } from '../rows.ts'

const job = openJob(process.argv[2])
const connection = { path: job.settings.redisSocket, maxRetriesPerRequest: null }
const isForSpeed = job.settings.providerUrl === undefined
const rows = isForSpeed ? await openRows(job.settings.databaseUrl) : undefined
const steps = {
  first: job.first,
  send: job.send,
  last: async (intent: string) => {
    await rows?.move(intent)
    await job.last(intent)
  },
}
const opts = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 100 },
  ...(isForSpeed ? { removeOnComplete: true } : {}),
}
/** The fastest of those that were measured (facts: 50 and 200 are within noise). */
const CONCURRENCY = 50
const FLOWS_PER_CALL = 500

/** The queue that this process is for, when another has started it. */
const only = process.argv[3]
const workers = Object.entries(steps)
  .filter(([queue]) => (only === undefined ? !isForSpeed || queue === 'last' : queue === only))
  .map(([queue, run]) =>
    new Worker(queue, ({ data }) => run(data.intent), {
      connection,
      ...(isForSpeed ? { concurrency: CONCURRENCY } : {}),
    }).on('error', () => undefined),
  )
await Promise.all(workers.map((worker) => worker.waitUntilReady()))
const close = async (): Promise<void> => {
  await Promise.all(workers.map((worker) => worker.close()))
}

if (only === undefined) await lead()
// The other end of its standard input goes with the process that started it.
else process.stdin.on('end', () => process.exit(0)).resume()

async function lead(): Promise<void> {
  const others = isForSpeed ? ['first', 'send'].map(startFor) : []
  const flow = new FlowProducer({ connection })
  const step = (name: string, intent: string) => ({ name, queueName: name, data: { intent }, opts })
  // The deepest child runs first.
  const flowOf = (intent: string) => ({
    ...step('last', intent),
    children: [{ ...step('send', intent), children: [step('first', intent)] }],
  })
  await obey({
    submit: (intent) => flow.add(flowOf(intent)),
    submitMany: async (intents) => {
      await rows?.insert(intents)
      for (let from = 0; from < intents.length; from += FLOWS_PER_CALL)
        await flow.addBulk(intents.slice(from, from + FLOWS_PER_CALL).map(flowOf))
    },
    prepare: (intents) => rows?.insert(intents) ?? Promise.resolve(),
    close: async () => {
      for (const other of others) other.stdin.end()
      await close()
      await flow.close()
      await rows?.close()
    },
  })
}

function startFor(queue: string) {
  const args = [...process.execArgv, import.meta.filename, process.argv[2] ?? '', queue]
  return spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'inherit'] })
}
