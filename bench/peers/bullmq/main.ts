/** BullMQ: a flow of three chained jobs, each in a queue of its own. */
import { FlowProducer, Worker } from 'bullmq'

import { obey, openJob } from '../job.ts'

const job = openJob(process.argv[2])
const connection = { path: job.settings.redisSocket, maxRetriesPerRequest: null }
const steps = { first: job.first, send: job.send, last: job.last }
const opts = { attempts: 5, backoff: { type: 'exponential', delay: 100 } }

const flow = new FlowProducer({ connection })
const workers = Object.entries(steps).map(([queue, run]) =>
  new Worker(queue, ({ data }) => run(data.intent), { connection }).on('error', () => undefined),
)
await Promise.all(workers.map((worker) => worker.waitUntilReady()))

const step = (name: string, intent: string) => ({ name, queueName: name, data: { intent }, opts })

await obey({
  // The deepest child runs first.
  submit: (intent) =>
    flow.add({
      ...step('last', intent),
      children: [{ ...step('send', intent), children: [step('first', intent)] }],
    }),
  close: async () => {
    await Promise.all(workers.map((worker) => worker.close()))
    await flow.close()
  },
})
