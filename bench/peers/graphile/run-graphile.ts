import { Logger, makeWorkerUtils, run } from 'graphile-worker'

import { obey, openJob } from '../job.ts'
import { openRows } from '../rows.ts'

type Payload = { intent: string }
type Next = { identifier: string; payload: Payload }
type AddJobs = (jobs: Next[]) => Promise<unknown>
type Step = (intent: string) => Promise<void>

/**
 * Three chained jobs, fetched 500 at a time and completed in batches; the last step moves a row of
 * its own. `adding` is how a step adds the job of the next one: `alone` as the documentation shows
 * it, a transaction of its own each, which wait for each other because each of them notifies;
 * `gathered` with those of all steps that end meanwhile, which an application has to do itself.
 */
export async function runGraphile(adding: 'alone' | 'gathered'): Promise<void> {
  const job = openJob(process.argv[2])
  const connectionString = job.settings.databaseUrl
  const rows = await openRows(connectionString)
  // A line for each job would be most of what is measured.
  const logger = new Logger(() => () => undefined)
  const producer = await makeWorkerUtils({ connectionString, logger })
  await producer.migrate()
  const addJobs: AddJobs = (jobs) => producer.addJobs(jobs)
  const gathered = gather(addJobs)
  const chained =
    (step: Step, next: string) =>
    async (
      { intent }: Payload,
      helpers: { addJob: (name: string, of: Payload) => Promise<unknown> },
    ): Promise<void> => {
      await step(intent)
      if (adding === 'alone') await helpers.addJob(next, { intent })
      else await gathered({ identifier: next, payload: { intent } })
    }
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
      await addJobs(intents.map((intent) => ({ identifier: 'first', payload: { intent } })))
    },
    close: async () => {
      await runner.stop()
      await producer.release()
      await rows.close()
    },
  })
}

/** One call at a time, with everything that came in since the last; each waits for its own. */
function gather(addJobs: AddJobs): (job: Next) => Promise<void> {
  let waiting: Next[] = []
  let call: Promise<unknown> | undefined
  let following: Promise<void> | undefined
  const add = async (): Promise<void> => {
    await call?.catch(() => undefined)
    // Steps that end in this turn of the loop come along.
    await new Promise((resolve) => void setImmediate(resolve))
    const jobs = waiting
    waiting = []
    following = undefined
    call = addJobs(jobs)
    await call
  }
  return (job) => {
    waiting.push(job)
    following ??= add()
    return following
  }
}
