import { z } from 'zod'

import { parseAddress } from '../chain/address.ts'
import type { Anvil } from './anvil-process.ts'
import { fund } from './chain-state.ts'

/** Who asks for money: a wallet, and what it is called in the record. */
export const Faucet = z.strictObject({ address: z.string(), account: z.string().max(100) })
export type Faucet = z.infer<typeof Faucet>

/** Gives each address its money once. */
export type FaucetDesk = Readonly<{
  /** Whether it was new. Throws TypeError for what is no address. */
  give: (asked: Faucet) => Promise<boolean>
  /** What an address is called. */
  nameOf: (address: string) => string
}>

export function openFaucet(anvil: Anvil): FaucetDesk {
  const names = new Map<string, string>()
  return {
    give: async ({ address: text, account }) => {
      const address = parseAddress(text)
      if (address === undefined) throw new TypeError('This is no address.')
      if (names.has(address)) return false
      names.set(address, account)
      await fund(anvil, address)
      return true
    },
    nameOf: (address) => names.get(address) ?? address,
  }
}
