/** DBOS: a registered workflow of three steps; `launch` recovers what was pending. */
import { DBOS } from '@dbos-inc/dbos-sdk'

import { obey, openJob } from '../job.ts'

const job = openJob(process.argv[2])
DBOS.setConfig({
  name: 'bench',
  systemDatabaseUrl: job.settings.databaseUrl,
  // Recovery is for workflows of the same version; by default it is a hash of the code.
  applicationVersion: 'bench',
  logLevel: 'error',
})

const workflow = DBOS.registerWorkflow(
  async (intent) => {
    await DBOS.runStep(() => job.first(intent), { name: 'first' })
    await DBOS.runStep(() => job.send(intent), { name: 'send', retriesAllowed: true })
    await DBOS.runStep(() => job.last(intent), { name: 'last' })
  },
  { name: 'send-one' },
)
await DBOS.launch()

await obey({
  submit: (intent) => DBOS.startWorkflow(workflow, { workflowID: intent })(intent),
  close: () => DBOS.shutdown(),
})
