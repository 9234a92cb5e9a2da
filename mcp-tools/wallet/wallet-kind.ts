import type { Config } from '@chimera/contracts/config'
import { InvariantError } from '@chimera/contracts/errors'
import type { ToolKind } from '@chimera/mcp-kit/open-tool-process'

import { openJsonRpc } from './chain/json-rpc.ts'
import type { Network } from './chain/networks.ts'
import { loadLimits } from './limits/load-limits.ts'
import { fault, openNetwork } from './open-network.ts'
import { openSigner } from './signing/open-signer.ts'
import type { Signer } from './signing/signer.ts'
import { askFaucet } from './simulated-evm/ask-faucet.ts'
import { walletTools } from './tools/wallet-tools.ts'
import type { WalletParts } from './transfers/wallet-parts.ts'
import { absenceOf, lookAtTransfer } from './transfers/wallet-reconciler.ts'

/** What a wallet is made of; tests put another signer in. */
export type WalletOptions = Readonly<{
  config: Config<'wallet'>
  /** The outside account, as ledger and grants name it. */
  account: string
  isCrashArmed: boolean
  openSigner?: (config: Config<'wallet'>, network: Network, rpcUrl: string) => Signer
}>

/** One wallet as the kit serves it: one key, one chain, one nonce after the other. */
export function walletKind(options: WalletOptions): ToolKind {
  const { config, account, isCrashArmed } = options
  const { network, rpcUrl } = openNetwork(config, isCrashArmed)
  const file = config.WALLET_LIMITS_FILE
  if (file === undefined) throw fault('WALLET_LIMITS_FILE', 'is needed: no limits, no wallet')
  const limits = loadLimits(file)
  const signer = (options.openSigner ?? openSigner)(config, network, rpcUrl)
  const plainRpc = openJsonRpc({ url: rpcUrl })
  const rpc = network.isLive ? plainRpc : askFaucet({ rpc: plainRpc, rpcUrl, signer, account })
  let parts: WalletParts | undefined
  return {
    name: 'wallet',
    backend: { label: network.name, isLive: network.isLive },
    tools: (ledger) => {
      const { WALLET_SEND_TIMEOUT_MS: sendTimeoutMs, WALLET_FOLLOW_MS: followMs } = config
      parts = { network, rpcUrl, rpc, signer, limits, ledger, sendTimeoutMs, followMs }
      return walletTools(parts)
    },
    reconciler: {
      absence: absenceOf(network),
      look: async (entry, known) => {
        if (parts === undefined) throw new InvariantError('A look came before the tools.')
        return lookAtTransfer(entry, known, parts)
      },
    },
  }
}
