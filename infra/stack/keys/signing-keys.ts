import { readFile, rename, writeFile } from 'node:fs/promises'

import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { z } from 'zod'

import { keepSecret } from './secret-file.ts'

/** What this house signs with: Ed25519 (RFC 8037), named by its thumbprint (RFC 7638). */
const PrivateJwk = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  d: z.string(),
  kid: z.string(),
  alg: z.literal('EdDSA'),
  use: z.literal('sig'),
})
const PublicJwk = PrivateJwk.omit({ d: true })
type PublicJwk = z.infer<typeof PublicJwk>
const Jwks = z.strictObject({ keys: z.array(PublicJwk) })

/**
 * Makes the private keys that are missing (0600 each) and sees to it that the key set holds the
 * public half of every one. Keys that the set already holds stay: whoever takes one out means it.
 */
export async function keepSigningKeys(options: {
  privateFiles: readonly string[]
  jwksFile: string
}): Promise<void> {
  const current: PublicJwk[] = []
  for (const file of options.privateFiles) {
    const isFresh = !(await isThere(file))
    const { d: _secret, ...open } = PrivateJwk.parse(
      JSON.parse(await keepSecret(file, createPrivateJwk)),
    )
    if (isFresh || !(await isThere(options.jwksFile))) current.push(open)
  }
  if (current.length > 0) await addToKeySet(options.jwksFile, current)
}

async function addToKeySet(file: string, fresh: readonly PublicJwk[]): Promise<void> {
  const kept = (await isThere(file))
    ? Jwks.parse(JSON.parse(await readFile(file, 'utf8'))).keys
    : []
  const known = new Set(kept.map((key) => key.kid))
  const keys = [...kept, ...fresh.filter((key) => !known.has(key.kid))]
  // Tool servers read this file again whenever it changes, so they must never see half of it.
  const next = `${file}.${process.pid}`
  await writeFile(next, `${JSON.stringify({ keys }, undefined, 2)}\n`, { mode: 0o644 })
  await rename(next, file)
}

async function createPrivateJwk(): Promise<string> {
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const jwk = await exportJWK(pair.privateKey)
  const kid = await calculateJwkThumbprint(jwk)
  return JSON.stringify(PrivateJwk.parse({ ...jwk, kid, alg: 'EdDSA', use: 'sig' }))
}

async function isThere(file: string): Promise<boolean> {
  return readFile(file).then(
    () => true,
    () => false,
  )
}
