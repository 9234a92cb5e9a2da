import { runProcess } from '@chimera/runtime/run-process'

import { openSimulatedEvm } from './open-simulated-evm.ts'

await runProcess({
  name: 'simulated-evm',
  sections: ['simulatedEvm'],
  start: async ({ config, stack, log, signal }) => {
    const evm = stack.use(
      await openSimulatedEvm({
        port: config.SIMULATED_EVM_PORT,
        recordPath: config.SIMULATED_EVM_RECORD,
        binary: config.SIMULATED_EVM_ANVIL,
      }),
    )
    // Without its chain it is nothing: both are started again, and the record is replayed.
    void evm.ended.then(() => {
      if (signal.aborted) return
      log.fatal({}, 'anvil has died')
      process.exit(1)
    })
    return { url: evm.url }
  },
})
