import type { Address } from '../chain/address.ts'
import { hexOf } from '../chain/hex.ts'
import type { Network } from '../chain/networks.ts'
import { loadAgentKit } from './load-agentkit.ts'
import { parseSignature } from './parse-signature.ts'
import { addressOfKey } from './private-key.ts'
import type { Signer } from './signer.ts'

type Provider = Readonly<{ sign: (hash: `0x${string}`) => Promise<string>; getAddress(): string }>

/**
 * AgentKit's `ViemWalletProvider` on a key of our own. The key lives in this closure and in the
 * provider, and nowhere else; `key` is asked for once, when it is first needed.
 */
export function viemSigner(options: {
  key: () => Promise<`0x${string}`>
  network: Network
  rpcUrl: string
}): Signer {
  let address: Promise<Address> | undefined
  let provider: Promise<Provider> | undefined
  return {
    address: () =>
      (address ??= remember(options.key().then(addressOfKey), () => (address = undefined))),
    sign: async (hash) => {
      provider ??= remember(openProvider(options), () => (provider = undefined))
      return parseSignature(await (await provider).sign(`0x${hexOf(hash).slice(2)}`))
    },
  }
}

/** What failed is tried again by whoever asks next. */
async function remember<T>(made: Promise<T>, forget: () => void): Promise<T> {
  made.catch(forget)
  return made
}

async function openProvider(options: Parameters<typeof viemSigner>[0]): Promise<Provider> {
  const { network, rpcUrl } = options
  const { ViemWalletProvider } = await loadAgentKit({ hosts: [new URL(rpcUrl).hostname] })
  const { createWalletClient, defineChain, http } = await import('viem')
  const { privateKeyToAccount } = await import('viem/accounts')
  const chain = defineChain({
    id: network.chainId,
    name: network.name,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  })
  const account = privateKeyToAccount(await options.key())
  const client = createWalletClient({ account, chain, transport: http(rpcUrl) })
  return new ViemWalletProvider(client, { rpcUrl })
}
