import { keccak_256 } from '@noble/hashes/sha3.js'

import { addressBytes, type Address } from './address.ts'
import { decodeRlp, encodeRlp, integerBytes, type RlpItem } from './rlp.ts'

/** A transaction of type 2 (EIP-1559), the only kind that is made here. Amounts in wei. */
export type Transaction = Readonly<{
  chainId: number
  nonce: number
  maxPriorityFeePerGas: bigint
  maxFeePerGas: bigint
  gas: bigint
  to: Address
  value: bigint
  data: Buffer
}>

/** A signature over secp256k1 with the parity of its point. */
export type Signature = Readonly<{ r: bigint; s: bigint; yParity: 0 | 1 }>

/** The bytes that a node takes, and the hash by which the chain knows them. */
export type SignedTransaction = Readonly<{ raw: Buffer; hash: string }>

const TYPE = 0x02

/**
 * Written here and not left to the wallet provider, whose `signTransaction` drops nonce, gas and
 * fees (AgentKit 0.10.4): what is claimed has to be the very bytes that are sent.
 */
export function signingHash(transaction: Transaction): Buffer {
  return keccak(Buffer.concat([Buffer.of(TYPE), encodeRlp(fieldsOf(transaction))]))
}

/** The signed transaction as it goes over the wire. */
export function assemble(transaction: Transaction, signature: Signature): SignedTransaction {
  const { r, s, yParity } = signature
  const signed = [
    ...fieldsOf(transaction),
    integerBytes(BigInt(yParity)),
    integerBytes(r),
    integerBytes(s),
  ]
  const raw = Buffer.concat([Buffer.of(TYPE), encodeRlp(signed)])
  return { raw, hash: hashOf(raw) }
}

/** The hash of a signed transaction. */
export const hashOf = (raw: Uint8Array): string => `0x${keccak(raw).toString('hex')}`

/** Reads a signed transaction. Throws RangeError for what is none of type 2. */
export function parseSigned(raw: Buffer): Transaction & SignedTransaction {
  if (raw.at(0) !== TYPE) throw new RangeError('This is no transaction of type 2.')
  const list = decodeRlp(raw.subarray(1))
  if (list instanceof Uint8Array || list.length !== 12) {
    throw new RangeError('A signed transaction has 12 fields.')
  }
  const bytes = (at: number): Buffer => bytesAt(list, at)
  const integer = (at: number): bigint => BigInt(`0x${bytes(at).toString('hex') || '0'}`)
  if (bytes(5).length !== 20) throw new RangeError('A transaction here has a recipient.')
  return {
    chainId: Number(integer(0)),
    nonce: Number(integer(1)),
    maxPriorityFeePerGas: integer(2),
    maxFeePerGas: integer(3),
    gas: integer(4),
    to: `0x${bytes(5).toString('hex')}`,
    value: integer(6),
    data: bytes(7),
    raw,
    hash: hashOf(raw),
  }
}

function fieldsOf(transaction: Transaction): RlpItem[] {
  const { chainId, nonce, maxPriorityFeePerGas, maxFeePerGas, gas, to, value, data } = transaction
  return [
    integerBytes(BigInt(chainId)),
    integerBytes(BigInt(nonce)),
    integerBytes(maxPriorityFeePerGas),
    integerBytes(maxFeePerGas),
    integerBytes(gas),
    addressBytes(to),
    integerBytes(value),
    data,
    // No access list.
    [],
  ]
}

function bytesAt(list: readonly RlpItem[], at: number): Buffer {
  const item = list[at]
  if (!(item instanceof Uint8Array)) throw new RangeError(`Field ${at} is a list.`)
  return Buffer.from(item)
}

const keccak = (bytes: Uint8Array): Buffer => Buffer.from(keccak_256(bytes))
