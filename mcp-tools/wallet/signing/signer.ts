import type { Address } from '../chain/address.ts'
import type { Signature } from '../chain/transaction.ts'

/**
 * Whoever holds the key. It signs a hash and nothing else can be got out of it; what is hashed is
 * made by the wallet. `address` may have to ask where the key is kept; both may reject.
 */
export type Signer = Readonly<{
  address: () => Promise<Address>
  sign: (hash: Buffer) => Promise<Signature>
}>
