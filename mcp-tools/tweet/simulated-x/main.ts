import { runProcess } from '@chimera/runtime/run-process'

import { openSimulatedX } from './open-simulated-x.ts'

await runProcess({
  name: 'simulated-x',
  sections: ['simulatedX'],
  start: async ({ config, stack }) => {
    const { SIMULATED_X_TOKEN: bearerToken, SIMULATED_X_ACCOUNT: account } = config
    const x = stack.use(
      await openSimulatedX({
        port: config.SIMULATED_X_PORT,
        recordPath: config.SIMULATED_X_RECORD,
        accounts: bearerToken === undefined ? [] : [{ account, bearerToken }],
      }),
    )
    return { url: x.url }
  },
})
