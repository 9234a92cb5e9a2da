import type { Signature } from '../chain/transaction.ts'

/** Half of the order of secp256k1: a signature above it is refused by the chain (EIP-2). */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

/**
 * Reads the 65 bytes r, s, v of a wallet provider. Throws RangeError for anything that is no such
 * signature; never says what it was.
 */
export function parseSignature(hex: string): Signature {
  if (!/^0x[0-9a-f]{130}$/i.test(hex)) throw new RangeError('The signer gave no 65 bytes.')
  const [r, s] = [BigInt(hex.slice(0, 66)), BigInt(`0x${hex.slice(66, 130)}`)]
  const v = Number.parseInt(hex.slice(130), 16)
  const yParity = v === 0 || v === 27 ? 0 : v === 1 || v === 28 ? 1 : undefined
  if (yParity === undefined || r === 0n || s === 0n || s > HALF_ORDER) {
    throw new RangeError('The signer gave a signature that no chain takes.')
  }
  return { r, s, yParity }
}
