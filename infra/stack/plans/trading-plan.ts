import { randomBytes } from 'node:crypto'

import { loadConfig } from '@chimera/runtime/config'

import { keepSecret } from '../keys/secret-file.ts'
import type { Environment } from '../process-environment.ts'
import {
  nodeSpec,
  type PlanContext,
  type PlannedProcess,
  type PlannedTool,
  type ToolServersPlan,
  toolEnvironment,
} from './tool-plan.ts'

/** Real exchanges, by exactly these names. */
const LIVE_VENUES = ['hyperliquid-testnet', 'hyperliquid-mainnet'] as const

/**
 * Plans the trading server, and the paper exchange behind it unless real orders were asked for;
 * nothing where trading is off. The paper account's key is made here and good nowhere else.
 */
export async function planTrading(context: PlanContext): Promise<ToolServersPlan> {
  const { paths, outer, keepPort } = context
  if (loadConfig(['trading'], outer).TRADING_TOOLS === 'off') {
    return { processes: [], tools: [], simulated: [] }
  }
  const live = liveVenue(outer)
  const backend = live ?? 'paper'
  const account = live ?? 'exchange-paper'
  const port = await keepPort('trading')
  const tool: PlannedTool = {
    name: 'trading',
    account,
    url: `http://127.0.0.1:${port}`,
    backend,
    live: live !== undefined,
    ledger: paths.ledger('trading', account),
    ...(live === undefined ? { needs: 'simulated-exchange' } : {}),
  }
  if (live !== undefined) {
    return { processes: [await planServer(context, { tool, port })], tools: [tool], simulated: [] }
  }
  await keepSecret(paths.keyFiles.simulatedExchangeKey, () => randomBytes(32).toString('hex'))
  const exchangePort = await keepPort('simulated-exchange')
  const url = `http://127.0.0.1:${exchangePort}`
  const exchange = await planExchange(context, exchangePort)
  const server = await planServer(context, { tool, port, exchangeUrl: url })
  const simulated = [{ name: 'exchange', process: 'simulated-exchange', url }] as const
  return { processes: [exchange, server], tools: [tool], simulated }
}

/**
 * The rule of the trading server itself (mcp-tools/trading/trading-mode.ts): live takes the mode, a
 * venue and every limit by name, and anything odd is paper. Were they to differ, the server would
 * refuse to start, because it would have no paper exchange.
 */
function liveVenue(outer: Environment): string | undefined {
  const limits = [
    'TRADING_MAX_ORDER_USD',
    'TRADING_MAX_POSITION_PERCENT',
    'TRADING_MAX_LEVERAGE',
  ] as const
  const areLimitsSet = limits.every((name) => (outer[name] ?? '') !== '')
  if (outer['TRADING_MODE'] !== 'live' || !areLimitsSet) return undefined
  return LIVE_VENUES.find((name) => name === outer['TRADING_VENUE'])
}

async function planExchange(context: PlanContext, port: number): Promise<PlannedProcess> {
  const { paths } = context
  const spec = await nodeSpec(context, {
    name: 'simulated-exchange',
    main: ['mcp-tools', 'trading', 'simulated-exchange'],
    sections: ['base', 'simulatedExchange'],
    own: {
      SIMULATED_EXCHANGE_PORT: String(port),
      SIMULATED_EXCHANGE_RECORD: paths.simulatedRecord('exchange'),
      SIMULATED_EXCHANGE_KEY_FILE: paths.keyFiles.simulatedExchangeKey,
    },
  })
  return { kind: 'simulated', spec }
}

async function planServer(
  context: PlanContext,
  options: { tool: PlannedTool; port: number; exchangeUrl?: string },
): Promise<PlannedProcess> {
  const { paths } = context
  const { tool, exchangeUrl } = options
  const simulated =
    exchangeUrl === undefined
      ? {}
      : {
          SIMULATED_EXCHANGE_URL: exchangeUrl,
          SIMULATED_EXCHANGE_KEY_FILE: paths.keyFiles.simulatedExchangeKey,
        }
  const spec = await nodeSpec(context, {
    name: tool.name,
    main: ['mcp-tools', 'trading'],
    sections: ['base', 'toolServer', 'trading'],
    own: {
      ...toolEnvironment(paths, tool, options.port),
      ...simulated,
    },
  })
  return { kind: 'tool', spec }
}
