import type { Address } from '../chain/address.ts'

/** Where the simulated chain has its token and its price feed; no other chain has them there. */
export const SIMULATED_TOKEN: Address = `0x5c${'0'.repeat(37)}1`
export const SIMULATED_FEED: Address = `0x5c${'0'.repeat(37)}2`
