import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'

import { addressOf } from '../../hyperliquid/signing/agent-wallet.ts'

type Field = Readonly<{ name: string; type: string }>
/** A document of EIP-712, as wallets are asked to sign it. */
type Asked = Readonly<{
  domain: Readonly<Record<string, unknown>>
  types: Readonly<Record<string, readonly Field[]>>
  primaryType: string
  message: Readonly<Record<string, unknown>>
}>
type Hex = `0x${string}`

/**
 * A wallet as other people's clients want one: it hashes whatever typed data it is given, by
 * EIP-712 and not by our own constants, so that a client's idea of what is signed stands against
 * ours.
 */
export function typedDataWallet(privateKey: string): {
  address: Hex
  signTypedData: (asked: Asked) => Promise<Hex>
} {
  const key = Buffer.from(privateKey.slice(2), 'hex')
  return {
    address: `0x${addressOf(secp256k1.getPublicKey(key, false)).slice(2)}`,
    signTypedData: async (data) => {
      const signed = secp256k1.sign(digestOf(data), key, { prehash: false, format: 'recovered' })
      const [recovery = 0] = signed
      const v = (27 + recovery).toString(16)
      return `0x${Buffer.from(signed.subarray(1)).toString('hex')}${v}`
    },
  }
}

const DOMAIN: readonly Field[] = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
]

function digestOf({ domain, types, primaryType, message }: Asked): Buffer {
  const parts = [
    Buffer.of(0x19, 0x01),
    structHash('EIP712Domain', DOMAIN, domain),
    structHash(primaryType, types[primaryType] ?? [], message),
  ]
  return keccak(Buffer.concat(parts))
}

function structHash(
  name: string,
  fields: readonly Field[],
  value: Readonly<Record<string, unknown>>,
): Buffer {
  const type = `${name}(${fields.map((field) => `${field.type} ${field.name}`).join(',')})`
  const words = fields.map((field) => wordOf(field.type, value[field.name]))
  return keccak(Buffer.concat([keccak(Buffer.from(type)), ...words]))
}

function wordOf(type: string, value: unknown): Buffer {
  const text = String(value)
  if (type === 'string') return keccak(Buffer.from(text, 'utf8'))
  const hex = text.startsWith('0x') ? text.slice(2) : BigInt(text).toString(16)
  return Buffer.from(hex.padStart(64, '0'), 'hex')
}

const keccak = (bytes: Uint8Array): Buffer => Buffer.from(keccak_256(bytes))
