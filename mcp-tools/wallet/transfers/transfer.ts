import { canonicalJson } from '@chimera/contracts/canonical'

import type { Address } from '../chain/address.ts'
import { transferCall } from '../chain/erc20.ts'
import type { Asset } from '../limits/wallet-limits.ts'

/** One payment as it was asked for, resolved: whose, of what and how much in base units. */
export type Transfer = Readonly<{ asset: Asset; to: Address; amount: bigint }>

/** What the chain is asked to do for it. */
export function callOf({ asset, to, amount }: Transfer): {
  to: Address
  value: bigint
  data: Buffer
} {
  if (asset.contract === undefined) return { to, value: amount, data: Buffer.alloc(0) }
  return { to: asset.contract, value: 0n, data: transferCall(to, amount) }
}

/** Equal for two transfers that differ in nothing but their transaction. */
export function contentOf({ asset, to, amount }: Transfer): string {
  return canonicalJson([asset.asset, to, amount.toString()])
}
