import { createECDH } from 'node:crypto'

import { addressOfPublicKey, type Address } from '../chain/address.ts'

const PATTERN = /^(?:0x)?([0-9a-fA-F]{64})$/

/**
 * A key as text, with or without 0x. Throws TypeError without the value in its message: what is no
 * key may be one with a letter too many.
 */
export function parsePrivateKey(text: string): `0x${string}` {
  const digits = PATTERN.exec(text.trim())?.[1]
  if (digits === undefined)
    throw new TypeError('The key of the wallet is not 64 hexadecimal digits.')
  return `0x${digits.toLowerCase()}`
}

/** By Node's own OpenSSL, so that the address is known before AgentKit is loaded. */
export function addressOfKey(key: `0x${string}`): Address {
  const curve = createECDH('secp256k1')
  try {
    curve.setPrivateKey(Buffer.from(key.slice(2), 'hex'))
  } catch {
    // Zero, or beyond the order of the curve. Not the cause: OpenSSL's errors may name the input.
    throw new TypeError('The key of the wallet is no key of secp256k1.')
  }
  return addressOfPublicKey(curve.getPublicKey())
}
