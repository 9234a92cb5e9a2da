/**
 * Mastra: a workflow of three steps, its snapshots in Postgres; active runs are restarted at start.
 */
import { Mastra } from '@mastra/core'
import { createStep, createWorkflow } from '@mastra/core/workflows'
import { PostgresStore } from '@mastra/pg'
import { z } from 'zod'

import { obey, openJob } from '../job.ts'

const job = openJob(process.argv[2])
const Input = z.object({ intent: z.string() })

const step = (id: string, run: (intent: string) => Promise<void>) =>
  createStep({
    id,
    inputSchema: Input,
    outputSchema: Input,
    execute: async ({ inputData }) => {
      await run(inputData.intent)
      return inputData
    },
  })

const workflow = createWorkflow({
  id: 'send-one',
  inputSchema: Input,
  outputSchema: Input,
  retryConfig: { attempts: 3, delay: 100 },
})
  .then(step('first', job.first))
  .then(step('send', job.send))
  .then(step('last', job.last))
  .commit()

const storage = new PostgresStore({ id: 'bench', connectionString: job.settings.databaseUrl })
await storage.init()
const mastra = new Mastra({ storage, workflows: { workflow }, logger: false })
const restarted = mastra.restartAllActiveWorkflowRuns()

await obey({
  submit: async (intent) => {
    const run = await workflow.createRun({ runId: intent })
    return run.start({ inputData: { intent } })
  },
  close: async () => {
    await restarted
    await mastra.shutdown()
  },
})
