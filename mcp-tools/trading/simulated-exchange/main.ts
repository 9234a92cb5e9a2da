import { runProcess } from '@chimera/runtime/run-process'

import { playCandles } from '../candles/candle-player.ts'
import { loadRecording } from '../candles/recording.ts'
import { openAgentWallet } from '../hyperliquid/signing/agent-wallet.ts'
import { openSimulatedExchange } from './open-simulated-exchange.ts'

await runProcess({
  name: 'simulated-exchange',
  sections: ['simulatedExchange'],
  start: async ({ config, stack }) => {
    // The paper account is its own agent, as an account without any is on the exchange.
    const { address } = openAgentWallet(config.SIMULATED_EXCHANGE_KEY, 'testnet')
    const weightLimit = config.SIMULATED_EXCHANGE_WEIGHT_LIMIT
    const exchange = stack.use(
      await openSimulatedExchange({
        port: config.SIMULATED_EXCHANGE_PORT,
        recordPath: config.SIMULATED_EXCHANGE_RECORD,
        accounts: [{ address, agents: [] }],
        source: playCandles(loadRecording()),
        ...(weightLimit === undefined ? {} : { weightLimit }),
      }),
    )
    return { url: exchange.url }
  },
})
