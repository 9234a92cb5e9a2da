import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'

import { RetryableError, TerminalError } from '@chimera/contracts/errors'

import { keepSecret } from '../keys/secret-file.ts'
import type { Environment } from '../process-environment.ts'
import type { StackLog } from '../stack-log.ts'
import type { StateDirPaths } from '../state-dir.ts'
import { SIMULATED_LIMITS } from '../wallet/simulated-limits.ts'
import { findAnvil, installWallet, isWalletInstalled } from '../wallet/wallet-package.ts'
import {
  nodeSpec,
  type PlanContext,
  type PlannedProcess,
  type PlannedTool,
  type ToolServersPlan,
  toolEnvironment,
} from './tool-plan.ts'

const NETWORKS = ['off', 'simulated', 'base-sepolia', 'base'] as const
type Network = (typeof NETWORKS)[number]

/**
 * The network that the operator names; without a word a simulated one, where the packages of the
 * wallet are there already.
 */
function walletNetwork(outer: Environment): Network {
  const said = outer['WALLET_NETWORK'] ?? ''
  if (said === '') {
    const isThere = isWalletInstalled() && findAnvil(outer['PATH'] ?? '') !== undefined
    return isThere ? 'simulated' : 'off'
  }
  const network = NETWORKS.find((name) => name === said)
  if (network !== undefined) return network
  const message = `WALLET_NETWORK has to be ${NETWORKS.join(', ')}.`
  throw new TerminalError('CONFIG_INVALID', message)
}

/**
 * Brings what a wallet needs before it can be planned: its packages, and for the simulated one a
 * key and limits of its own, which an operator may edit.
 *
 * @throws RetryableError `UNAVAILABLE` where its packages are missing and may not be installed
 */
export async function prepareWallet(options: {
  paths: StateDirPaths
  outer: Environment
  install: boolean
  log: StackLog
}): Promise<void> {
  const { paths, outer, log } = options
  const network = walletNetwork(outer)
  if (network === 'off') return
  if (!isWalletInstalled() && !options.install) {
    const message = 'The packages of the wallet are missing. Type: (cd mcp-tools/wallet && npm ci)'
    throw new RetryableError('UNAVAILABLE', message)
  }
  await installWallet({ log })
  if (network !== 'simulated') return
  await keepSecret(paths.keyFiles.walletKey, () => randomBytes(32).toString('hex'))
  if (existsSync(paths.walletLimits)) return
  await writeFile(paths.walletLimits, `${JSON.stringify(SIMULATED_LIMITS, null, 2)}\n`)
}

/** Plans the wallet, and the simulated chain behind it; nothing where there is none. */
export async function planWallet(context: PlanContext): Promise<ToolServersPlan> {
  const { paths, outer, keepPort } = context
  const network = walletNetwork(outer)
  if (network === 'off') return { processes: [], tools: [], simulated: [] }
  const isSimulated = network === 'simulated'
  const account = `wallet-${network}`
  const port = await keepPort('wallet')
  const tool: PlannedTool = {
    name: 'wallet',
    account,
    url: `http://127.0.0.1:${port}`,
    backend: network,
    live: !isSimulated,
    ledger: paths.ledger('wallet', account),
    ...(isSimulated ? { needs: 'simulated-evm' } : {}),
  }
  if (!isSimulated) {
    return { processes: [await planServer(context, { tool, port })], tools: [tool], simulated: [] }
  }
  const chainPort = await keepPort('simulated-evm')
  const url = `http://127.0.0.1:${chainPort}`
  const chain = await planChain(context, chainPort)
  const server = await planServer(context, { tool, port, chainUrl: url })
  const simulated = [{ name: 'evm', process: 'simulated-evm', url }] as const
  return { processes: [chain, server], tools: [tool], simulated }
}

async function planChain(context: PlanContext, port: number): Promise<PlannedProcess> {
  const anvil = findAnvil(context.outer['PATH'] ?? '')
  if (anvil === undefined) {
    const message = 'There is no anvil: install Foundry (getfoundry.sh), or set WALLET_NETWORK=off.'
    throw new RetryableError('UNAVAILABLE', message)
  }
  const spec = await nodeSpec(context, {
    name: 'simulated-evm',
    main: ['mcp-tools', 'wallet', 'simulated-evm'],
    sections: ['base', 'simulatedEvm'],
    own: {
      SIMULATED_EVM_PORT: String(port),
      SIMULATED_EVM_RECORD: context.paths.simulatedRecord('evm'),
      SIMULATED_EVM_ANVIL: anvil,
    },
  })
  return { kind: 'simulated', spec }
}

async function planServer(
  context: PlanContext,
  options: { tool: PlannedTool; port: number; chainUrl?: string },
): Promise<PlannedProcess> {
  const { paths, outer } = context
  const { tool, chainUrl } = options
  // Whatever key the operator uses elsewhere, the simulated chain gets one of its own.
  const simulated =
    chainUrl === undefined
      ? {}
      : {
          SIMULATED_EVM_URL: chainUrl,
          WALLET_PROVIDER: 'viem',
          WALLET_PRIVATE_KEY_FILE: paths.keyFiles.walletKey,
          WALLET_LIMITS_FILE: outer['WALLET_LIMITS_FILE'] ?? paths.walletLimits,
          WALLET_SECRET_ID: '',
        }
  const own = {
    ...toolEnvironment(paths, tool, options.port),
    WALLET_NETWORK: tool.backend,
    ...simulated,
  }
  const spec = await nodeSpec(context, {
    name: tool.name,
    main: ['mcp-tools', 'wallet'],
    sections: ['base', 'toolServer', 'wallet'],
    own,
  })
  return { kind: 'tool', spec }
}
