/**
 * graphile-worker: three chained jobs, fetched 500 at a time and completed in batches, which is the
 * fastest way that its documentation knows; the last step moves a row of its own.
 */
import { Logger, makeWorkerUtils, run } from 'graphile-worker'

import { obey, openJob } from '../job.ts'
import { openRows } from '../rows.ts'

const job = openJob(process.argv[2])
const connectionString = job.settings.databaseUrl
const rows = await openRows(connectionString)

type Payload = { intent: string }
type Step = (intent: string) => Promise<void>
const chained =
  (step: Step, next: string) =>
  async (
    { intent }: Payload,
    helpers: { addJob: (name: string, of: Payload) => Promise<unknown> },
  ) => {
    await step(intent)
    await helpers.addJob(next, { intent })
  }

// A line for each job would be most of what is measured.
const logger = new Logger(() => () => undefined)
const producer = await makeWorkerUtils({ connectionString, logger })
await producer.migrate()
const runner = await run({
  connectionString,
  noHandleSignals: true,
  logger,
  taskList: {
    first: chained(job.first, 'send'),
    send: chained(job.send, 'last'),
    last: async ({ intent }: Payload) => {
      await rows.move(intent)
      await job.last(intent)
    },
  },
  preset: {
    worker: {
      concurrentJobs: 200,
      maxPoolSize: 26,
      pollInterval: 100,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  },
})

await obey({
  submit: (intent) => producer.addJob('first', { intent }),
  submitMany: async (intents) => {
    await rows.insert(intents)
    await producer.addJobs(intents.map((intent) => ({ identifier: 'first', payload: { intent } })))
  },
  close: async () => {
    await runner.stop()
    await producer.release()
    await rows.close()
  },
})
