import { secp256k1 } from '@noble/curves/secp256k1.js'

import { actionHash, type SignedFields } from '../../hyperliquid/signing/action-hash.ts'
import { agentDigest, type Chain } from '../../hyperliquid/signing/agent-digest.ts'
import { addressOf, type Signature } from '../../hyperliquid/signing/agent-wallet.ts'

/** What a signature says of itself, and what it was made of. */
export type SignedRequest = Readonly<{
  action: SignedFields['action']
  nonce: number
  signature: Signature
  vaultAddress?: string | null | undefined
  expiresAfter?: number | null | undefined
}>

/**
 * Whose signature this is. Every signature is somebody's, so a wrong one is not an error but an
 * address that nobody knows. Undefined only for numbers that no signature can have.
 */
export function recoverSigner(request: SignedRequest, chain: Chain): string | undefined {
  const { action, nonce, signature, vaultAddress, expiresAfter } = request
  const hash = actionHash({
    action,
    nonce,
    ...(typeof vaultAddress === 'string' ? { vaultAddress } : {}),
    ...(typeof expiresAfter === 'number' ? { expiresAfter } : {}),
  })
  const scalar = (text: string): string => text.slice(2).padStart(64, '0')
  const bytes = Buffer.from(
    `0${signature.v - 27}${scalar(signature.r)}${scalar(signature.s)}`,
    'hex',
  )
  try {
    const key = secp256k1.recoverPublicKey(bytes, agentDigest(hash, chain), { prehash: false })
    return addressOf(secp256k1.Point.fromBytes(key).toBytes(false))
  } catch {
    return undefined
  }
}
