import type { Config } from '@chimera/contracts/config'
import { ConfigError } from '@chimera/runtime/config'

import { parseAddress } from '../chain/address.ts'
import type { Network } from '../chain/networks.ts'
import { cdpSigner } from './cdp-signer.ts'
import { addressOfKey, parsePrivateKey } from './private-key.ts'
import { readSecretsManagerKey } from './secrets-manager-key.ts'
import type { Signer } from './signer.ts'
import { viemSigner } from './viem-signer.ts'

type WalletConfig = Config<'wallet'>

/**
 * The signer that the configuration names. Throws ConfigError for what is missing or said twice. A
 * key that is there is read at once, so that a wrong one is found at the start and not at the first
 * payment; one in AWS Secrets Manager when it is first needed.
 */
export function openSigner(config: WalletConfig, network: Network, rpcUrl: string): Signer {
  const { WALLET_PRIVATE_KEY: text, WALLET_SECRET_ID: secretId } = config
  if (config.WALLET_PROVIDER === 'cdp') return openCdp(config, network, rpcUrl)
  if ((text === undefined) === (secretId === undefined)) {
    throw fault('WALLET_PRIVATE_KEY', 'or WALLET_SECRET_ID is needed, and not both')
  }
  if (text === undefined) {
    const manager = secretsManagerOf(config)
    return viemSigner({ key: () => readSecretsManagerKey(manager), network, rpcUrl })
  }
  try {
    const key = parsePrivateKey(text)
    addressOfKey(key)
    return viemSigner({ key: async () => key, network, rpcUrl })
  } catch {
    throw fault('WALLET_PRIVATE_KEY', 'is no key of 64 hexadecimal digits')
  }
}

function openCdp(config: WalletConfig, network: Network, rpcUrl: string): Signer {
  const { CDP_API_KEY_ID: apiKeyId, CDP_API_KEY_SECRET: apiKeySecret } = config
  const { CDP_WALLET_SECRET: walletSecret, WALLET_ADDRESS: account } = config
  const address = parseAddress(account ?? '')
  if (network.name === 'simulated') throw fault('WALLET_PROVIDER', 'cdp signs for no simulation')
  if (address === undefined) throw fault('WALLET_ADDRESS', 'has to be the address at Coinbase')
  if (apiKeyId === undefined || apiKeySecret === undefined || walletSecret === undefined) {
    throw fault('CDP_API_KEY_ID', 'CDP_API_KEY_SECRET and CDP_WALLET_SECRET are needed for cdp')
  }
  const credentials = { apiKeyId, apiKeySecret, walletSecret, address }
  return cdpSigner({ credentials, network: network.name, rpcUrl })
}

function secretsManagerOf(config: WalletConfig): Parameters<typeof readSecretsManagerKey>[0] {
  const { WALLET_SECRET_ID: secretId, AWS_REGION: region } = config
  if (secretId === undefined || region === undefined) {
    throw fault('AWS_REGION', 'is needed for WALLET_SECRET_ID')
  }
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = config
  const { AWS_SESSION_TOKEN: token, AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint } = config
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined
      ? undefined
      : { accessKeyId, secretAccessKey, ...(token === undefined ? {} : { sessionToken: token }) }
  return {
    secretId,
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  }
}

function fault(pointer: string, detail: string): ConfigError {
  return new ConfigError([{ pointer, detail }])
}
