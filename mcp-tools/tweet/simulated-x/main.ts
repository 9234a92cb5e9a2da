import { runProcess } from '@chimera/runtime/run-process'

import { openSimulatedX } from './open-simulated-x.ts'

await runProcess({
  name: 'simulated-x',
  sections: ['simulatedX'],
  start: async ({ config, stack }) => {
    const bearerToken = config.SIMULATED_X_TOKEN
    const x = stack.use(
      await openSimulatedX({
        port: config.SIMULATED_X_PORT,
        recordPath: config.SIMULATED_X_RECORD,
        accounts: bearerToken === undefined ? [] : [{ account: 'default', bearerToken }],
      }),
    )
    return { url: x.url }
  },
})
