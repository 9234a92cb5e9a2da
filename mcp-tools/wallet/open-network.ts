import type { Config } from '@chimera/contracts/config'
import { ConfigError } from '@chimera/runtime/config'

import { NETWORKS, type Network } from './chain/networks.ts'

const LOOPBACK = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/

/** The chain that the configuration names, and its node. Throws ConfigError. */
export function openNetwork(
  config: Config<'wallet'>,
  isCrashArmed: boolean,
): { network: Network; rpcUrl: string } {
  const { WALLET_NETWORK: name, WALLET_RPC_URL: rpcUrl, SIMULATED_EVM_URL: simulatedUrl } = config
  if (name === 'off') throw fault('WALLET_NETWORK', 'is off: there is no wallet to start')
  const network = NETWORKS[name]
  if (!network.isLive) {
    const host = URL.parse(simulatedUrl ?? '')?.hostname
    if (simulatedUrl !== undefined && host !== undefined && LOOPBACK.test(host)) {
      return { network, rpcUrl: simulatedUrl }
    }
    throw fault('SIMULATED_EVM_URL', 'has to be the simulated chain on loopback')
  }
  if (isCrashArmed) throw fault('CHIMERA_CRASH_AT', 'is refused beside a live back end')
  const protocol = URL.parse(rpcUrl ?? '')?.protocol
  if (rpcUrl !== undefined && (protocol === 'https:' || protocol === 'http:')) {
    return { network, rpcUrl }
  }
  throw fault('WALLET_RPC_URL', `is needed for ${name}: the URL of a node`)
}

export function fault(pointer: string, detail: string): ConfigError {
  return new ConfigError([{ pointer, detail }])
}
