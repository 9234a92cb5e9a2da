/** Where a wallet can act. The names are exact: a name that is mistyped is no network. */
export type NetworkName = 'base' | 'base-sepolia' | 'simulated'

export type Network = Readonly<{
  name: NetworkName
  chainId: number
  /** False only for the chain of our own. */
  isLive: boolean
  /** Blocks on top of a transaction, its own included, from which it cannot be undone any more. */
  confirmations: number
  blockMs: number
  /** Posting to the layer below is paid beside the gas (OP stack). */
  hasL1Fee: boolean
  explorer: string | undefined
}>

/**
 * Base's sequencer has never undone a block of its own; 12 of them are 24 s of margin. A chain id
 * of our own: what is signed for the simulated chain is worth nothing elsewhere.
 */
export const NETWORKS: Readonly<Record<NetworkName, Network>> = {
  base: {
    name: 'base',
    chainId: 8_453,
    isLive: true,
    confirmations: 12,
    blockMs: 2_000,
    hasL1Fee: true,
    explorer: 'https://basescan.org/tx/',
  },
  'base-sepolia': {
    name: 'base-sepolia',
    chainId: 84_532,
    isLive: true,
    confirmations: 6,
    blockMs: 2_000,
    hasL1Fee: true,
    explorer: 'https://sepolia.basescan.org/tx/',
  },
  simulated: {
    name: 'simulated',
    chainId: 31_337,
    isLive: false,
    confirmations: 1,
    blockMs: 100,
    hasL1Fee: false,
    explorer: undefined,
  },
}
