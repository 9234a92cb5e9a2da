import { createECDH, randomBytes } from 'node:crypto'

import { secp256k1 } from '@noble/curves/secp256k1.js'

import { addressOfKey } from '#wallet/signing/private-key'
import type { Signer } from '#wallet/signing/signer'

export const newKey = (): `0x${string}` => {
  const key = randomBytes(32)
  createECDH('secp256k1').setPrivateKey(key)
  return `0x${key.toString('hex')}`
}

/** Signs as AgentKit does, without 2 s and 200 MB of it. `onSign` sees what was signed. */
export function testSigner(key: `0x${string}`, onSign: () => void = () => {}): Signer {
  const bytes = Buffer.from(key.slice(2), 'hex')
  return {
    address: async () => addressOfKey(key),
    sign: async (hash) => {
      onSign()
      const signed = secp256k1.sign(hash, bytes, { prehash: false, format: 'recovered' })
      const [recovery = 0] = signed
      const hex = Buffer.from(signed.subarray(1)).toString('hex')
      return {
        r: BigInt(`0x${hex.slice(0, 64)}`),
        s: BigInt(`0x${hex.slice(64)}`),
        yParity: recovery === 1 ? 1 : 0,
      }
    },
  }
}
