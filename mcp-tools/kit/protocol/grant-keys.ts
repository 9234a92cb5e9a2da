import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

import { onceATurn } from '@chimera/runtime/once-a-turn'
import { z } from 'zod'

/** RFC 8037: an Ed25519 public key. Members that are not needed are read over. */
const Jwk = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  kid: z.string().min(1),
})
const Jwks = z.object({ keys: z.array(Jwk).max(100) })

/** A public key of the Judge, as the file held it. */
export type GrantKey = Readonly<{ kid: string; x: string; key: KeyObject }>

/** The public keys of the Judge. Dropping one from the file kills its grants at once. */
export type GrantKeys = Readonly<{
  find: (kid: string) => GrantKey | undefined
  /** Whether the file still holds this very key. Synchronous. */
  holds: (key: GrantKey) => boolean
}>

/**
 * Reads a JWKS file again whenever it has changed; a stat in every turn of the loop that asks. A
 * file that is gone or broken holds no keys: nothing is granted then, and `onFault` says why.
 */
export function openGrantKeys(options: {
  file: string
  onFault: (cause: unknown) => void
}): GrantKeys {
  let seen = ''
  let keys: ReadonlyMap<string, GrantKey> = new Map()
  const refresh = onceATurn((): void => {
    try {
      const { ino, size, mtimeNs } = statSync(options.file, { bigint: true })
      const mark = `${ino} ${size} ${mtimeNs}`
      if (mark === seen) return
      keys = read(options.file)
      seen = mark
    } catch (cause) {
      keys = new Map()
      seen = ''
      options.onFault(cause)
    }
  })
  return {
    find: (kid) => {
      refresh()
      return keys.get(kid)
    },
    holds: (key) => {
      refresh()
      return keys.get(key.kid)?.x === key.x
    },
  }
}

function read(file: string): Map<string, GrantKey> {
  const { keys } = Jwks.parse(JSON.parse(readFileSync(file, 'utf8')))
  return new Map(
    keys.map((jwk) => [
      jwk.kid,
      { kid: jwk.kid, x: jwk.x, key: createPublicKey({ key: jwk, format: 'jwk' }) },
    ]),
  )
}
