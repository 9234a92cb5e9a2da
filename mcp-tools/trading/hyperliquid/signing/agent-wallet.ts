import { createECDH } from 'node:crypto'

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'

import { actionHash, type SignedFields } from './action-hash.ts'
import { agentDigest, type Chain } from './agent-digest.ts'

/** As the exchange takes it: r and s of 32 bytes in hexadecimal, v 27 or 28. */
export type Signature = Readonly<{ r: string; s: string; v: 27 | 28 }>

/**
 * The key that trades: an agent that an account has approved, which cannot withdraw. Nothing here
 * ever gives the key away again.
 */
export type AgentWallet = Readonly<{
  /** Lower case. The account that the agent trades for has another one. */
  address: string
  chain: Chain
  sign: (fields: SignedFields) => Signature
}>

/** Throws RangeError without the value for what is no key of this curve. */
export function openAgentWallet(privateKey: string, chain: Chain): AgentWallet {
  const key = readKey(privateKey)
  return {
    address: addressOf(publicKeyOf(key)),
    chain,
    sign: (fields) => {
      const digest = agentDigest(actionHash(fields), chain)
      const signed = secp256k1.sign(digest, key, { prehash: false, format: 'recovered' })
      const [recovery] = signed
      const hex = Buffer.from(signed.subarray(1)).toString('hex')
      return {
        r: `0x${hex.slice(0, 64)}`,
        s: `0x${hex.slice(64)}`,
        v: recovery === 1 ? 28 : 27,
      }
    },
  }
}

/** By OpenSSL: the tables that @noble makes for it would stay in memory, 11 MB of them. */
function publicKeyOf(key: Uint8Array): Uint8Array {
  const pair = createECDH('secp256k1')
  pair.setPrivateKey(key)
  return pair.getPublicKey()
}

/** The address of an uncompressed public key: the last 20 bytes of its hash. */
export function addressOf(publicKey: Uint8Array): string {
  const hash = keccak_256(publicKey.subarray(1))
  return `0x${Buffer.from(hash.subarray(12)).toString('hex')}`
}

function readKey(text: string): Uint8Array {
  const key = /^(?:0x)?([0-9a-f]{64})$/iu.exec(text.trim())?.[1]
  const bytes = Buffer.from(key ?? '', 'hex')
  if (!secp256k1.utils.isValidSecretKey(bytes)) {
    // Not even a part of it: whatever stands there may be most of a key.
    throw new RangeError('The agent key is not 32 bytes in hexadecimal that this curve takes.')
  }
  return bytes
}
