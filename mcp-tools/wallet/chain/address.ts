import { keccak_256 } from '@noble/hashes/sha3.js'

const PATTERN = /^0x[0-9a-fA-F]{40}$/

/** The address in lower case, by which ledgers, limits and comparisons know it. */
export type Address = `0x${string}`

/**
 * Reads an address: all in one case, or in mixed case with the right checksum (ERC-55), so that a
 * letter that was mistyped is found. Undefined for anything else.
 */
export function parseAddress(text: string): Address | undefined {
  if (!PATTERN.test(text)) return undefined
  const digits = text.slice(2)
  const lower = digits.toLowerCase()
  const isPlain = digits === lower || digits === digits.toUpperCase()
  if (!isPlain && checksummed(`0x${lower}`) !== text) return undefined
  return `0x${lower}`
}

/** The spelling of ERC-55: the case of each letter is a bit of the hash. */
export function checksummed(address: Address): string {
  const digits = address.slice(2)
  const hash = Buffer.from(keccak_256(Buffer.from(digits, 'ascii'))).toString('hex')
  const spelled = Array.from(digits, (digit, at) =>
    Number.parseInt(hash.charAt(at), 16) >= 8 ? digit.toUpperCase() : digit,
  )
  return `0x${spelled.join('')}`
}

/** Nobody has its key: what is sent there is burnt. */
export const ZERO_ADDRESS: Address = `0x${'0'.repeat(40)}`

export const addressBytes = (address: Address): Buffer => Buffer.from(address.slice(2), 'hex')

/** Of the uncompressed public key of secp256k1, its leading 04 included. */
export function addressOfPublicKey(publicKey: Uint8Array): Address {
  const hash = Buffer.from(keccak_256(publicKey.subarray(1)))
  return `0x${hash.subarray(12).toString('hex')}`
}
