/**
 * What the wallet uses of packages that are installed only where a wallet is enabled (930 MB):
 * written by hand, so that the checkout is typed the same with and without them.
 */
declare module '@coinbase/agentkit' {
  import type { WalletClient } from 'viem'

  type EvmProvider = { getAddress(): string; sign(hash: `0x${string}`): Promise<string> }
  export const WalletProvider: { prototype: object }
  export const ViemWalletProvider: new (
    walletClient: WalletClient,
    options: { rpcUrl: string },
  ) => EvmProvider
  export const CdpEvmWalletProvider: {
    configureWithWallet(options: {
      apiKeyId: string
      apiKeySecret: string
      walletSecret: string
      networkId: string
      address: string
      rpcUrl: string
    }): Promise<EvmProvider>
  }
}

declare module 'viem' {
  export type WalletClient = { readonly chain: object }
  type Chain = {
    id: number
    name: string
    nativeCurrency: { name: string; symbol: string; decimals: number }
    rpcUrls: { default: { http: readonly string[] } }
  }
  export function defineChain(chain: Chain): Chain
  export function http(url: string): object
  export function createWalletClient(options: {
    account: object
    chain: Chain
    transport: object
  }): WalletClient
}

declare module 'viem/accounts' {
  export function privateKeyToAccount(key: `0x${string}`): { readonly address: string }
}

declare module '@aws-sdk/client-secrets-manager' {
  export class SecretsManagerClient {
    constructor(options: {
      region: string
      endpoint?: string
      maxAttempts: number
      credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
    })
    send(command: GetSecretValue): Promise<{ SecretString?: string }>
    destroy(): void
  }
  type GetSecretValue = { readonly input: { SecretId?: string | undefined } }
  export const GetSecretValueCommand: new (input: { SecretId: string }) => GetSecretValue
}
