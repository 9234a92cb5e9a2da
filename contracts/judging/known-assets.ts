import type { AssetValue } from './registry.ts'

const ETH = { code: 'ETH', decimals: 18 }
const USDC = { code: 'USDC', decimals: 6 }

/**
 * Assets of the networks that a wallet of this house can be on, to be offered to a person. The
 * registry says only how an amount is counted: which contract a payment goes to is the word of the
 * wallet's limits file. Base and Base Sepolia have the issuer's own contracts, as
 * `@coinbase/agentkit` 0.10.4 names them; simulated has the one of its chain (`simulated-evm`).
 */
export const KNOWN_ASSETS = {
  simulated: [
    { ...ETH, network: 'simulated' },
    {
      ...USDC,
      contract: '0x5c00000000000000000000000000000000000001',
      network: 'simulated',
    },
  ],
  'base-sepolia': [
    { ...ETH, network: 'base-sepolia' },
    {
      ...USDC,
      contract: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
      network: 'base-sepolia',
    },
  ],
  base: [
    { ...ETH, network: 'base' },
    { ...USDC, contract: '0x833589fcd6edb6e08f4c7c32d4f71b54bda02913', network: 'base' },
  ],
} as const satisfies Record<string, readonly AssetValue[]>

/** A network whose assets are known. */
export type KnownNetwork = keyof typeof KNOWN_ASSETS
export const isKnownNetwork = (name: string): name is KnownNetwork =>
  Object.hasOwn(KNOWN_ASSETS, name)

/** Whether some network has an asset of this code. */
export const isKnownAsset = (code: string): boolean =>
  Object.values(KNOWN_ASSETS).some((assets) => assets.some((asset) => asset.code === code))
