import { runProcess } from '@chimera/runtime/run-process'

import { openAgentWallet } from '../hyperliquid/signing/agent-wallet.ts'
import { openCandleSource } from './open-candle-source.ts'
import { openSimulatedExchange } from './open-simulated-exchange.ts'

await runProcess({
  name: 'simulated-exchange',
  sections: ['simulatedExchange'],
  start: async ({ config, stack, log }) => {
    // The paper account is its own agent, as an account without any is on the exchange.
    const { address } = openAgentWallet(config.SIMULATED_EXCHANGE_KEY, 'testnet')
    const weightLimit = config.SIMULATED_EXCHANGE_WEIGHT_LIMIT
    const source = await openCandleSource({
      url: config.SIMULATED_EXCHANGE_CANDLES_URL,
      stack,
      onFault: (err, symbol) => log.warn({ err, symbol }, 'a market was not heard'),
    })
    const exchange = stack.use(
      await openSimulatedExchange({
        port: config.SIMULATED_EXCHANGE_PORT,
        recordPath: config.SIMULATED_EXCHANGE_RECORD,
        accounts: [{ address, agents: [] }],
        source,
        ...(weightLimit === undefined ? {} : { weightLimit }),
      }),
    )
    return { url: exchange.url }
  },
})
