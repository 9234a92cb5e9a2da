import type { Address } from '../chain/address.ts'
import { hexOf } from '../chain/hex.ts'
import type { NetworkName } from '../chain/networks.ts'
import { loadAgentKit } from './load-agentkit.ts'
import { parseSignature } from './parse-signature.ts'
import type { Signer } from './signer.ts'

/** What opens an account at Coinbase; the key itself stays there. */
export type CdpCredentials = Readonly<{
  apiKeyId: string
  apiKeySecret: string
  walletSecret: string
  address: Address
}>

/** Coinbase's own names of the networks. */
const NETWORK_IDS: Readonly<Record<Exclude<NetworkName, 'simulated'>, string>> = {
  base: 'base-mainnet',
  'base-sepolia': 'base-sepolia',
}

/**
 * AgentKit's `CdpEvmWalletProvider`: Coinbase holds the key and signs hashes of ours. The account
 * has to exist; none is made here. Never tried against Coinbase itself: its API was not in reach.
 */
export function cdpSigner(options: {
  credentials: CdpCredentials
  network: Exclude<NetworkName, 'simulated'>
  rpcUrl: string
}): Signer {
  const { credentials, network, rpcUrl } = options
  type Provider = Readonly<{ sign: (hash: `0x${string}`) => Promise<string>; getAddress(): string }>
  let provider: Promise<Provider> | undefined
  const open = async (): Promise<Provider> => {
    const hosts = [new URL(rpcUrl).hostname, 'api.cdp.coinbase.com']
    const { CdpEvmWalletProvider } = await loadAgentKit({ hosts })
    const networkId = NETWORK_IDS[network]
    const opened = await CdpEvmWalletProvider.configureWithWallet({
      ...credentials,
      networkId,
      rpcUrl,
    })
    if (opened.getAddress().toLowerCase() === credentials.address) return opened
    throw new TypeError('Coinbase opened another account than WALLET_ADDRESS.')
  }
  return {
    address: async () => credentials.address,
    sign: async (hash) => {
      provider ??= open()
      provider.catch(() => (provider = undefined))
      return parseSignature(await (await provider).sign(`0x${hexOf(hash).slice(2)}`))
    },
  }
}
