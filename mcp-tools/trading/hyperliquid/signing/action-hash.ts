import { keccak_256 } from '@noble/hashes/sha3.js'

import { packMessage, type Packable } from './pack-message.ts'

/** One trading action and everything else that its signature covers. */
export type SignedFields = Readonly<{
  /** With its keys in the exchange's order; numbers as decimal text without trailing zeros. */
  action: Readonly<Record<string, Packable>>
  /** Milliseconds, unique per signer. */
  nonce: number
  /** Lower case; the vault or sub-account that is traded for. */
  vaultAddress?: string
  /** Milliseconds by the exchange's clock; it refuses the action afterwards. */
  expiresAfter?: number
}>

/**
 * The hash that a trading action is signed by: keccak-256 of the packed action, the nonce, the
 * vault and the expiry (Hyperliquid's `action_hash`, held against its SDK's own vectors).
 */
export function actionHash({ action, nonce, vaultAddress, expiresAfter }: SignedFields): Buffer {
  const vault =
    vaultAddress === undefined ? [Buffer.of(0)] : [Buffer.of(1), addressBytes(vaultAddress)]
  const expiry = expiresAfter === undefined ? [] : [Buffer.of(0), uint64(expiresAfter)]
  const bytes = Buffer.concat([packMessage(action), uint64(nonce), ...vault, ...expiry])
  return Buffer.from(keccak_256(bytes))
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

function addressBytes(address: string): Buffer {
  if (!/^0x[0-9a-f]{40}$/u.test(address)) {
    throw new RangeError('An address is 0x and 40 lower-case hexadecimal digits.')
  }
  return Buffer.from(address.slice(2), 'hex')
}
