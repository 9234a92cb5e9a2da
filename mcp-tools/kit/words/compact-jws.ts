import { sign, verify, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

import { decodeProtectedHeader } from 'jose'
import { z } from 'zod'

/** The base64url alphabet and nothing else, and as many characters as 64 bytes take. */
const COMPACT = /^(([\w-]+)\.([\w-]+))\.([\w-]{86})$/

/** Strict: no `crit`, no `b64`, no key and no address of one, no other algorithm. */
const Header = z.strictObject({
  alg: z.literal('EdDSA'),
  kid: z.string().min(1),
  typ: z.string(),
})

// By callback: the work is done on a thread of the pool, and the loop goes on.
const signBytes = promisify<null, Buffer, KeyObject, Buffer>(sign)
const verifyBytes = promisify<null, Buffer, KeyObject, Buffer, boolean>(verify)

/** A compact JWS that has been read and not been believed yet. */
export type ReadJws = Readonly<{
  kid: string
  typ: string
  /** The payload, or nothing when the key did not sign it. */
  verified: (key: KeyObject) => Promise<unknown>
}>

/**
 * Reads a compact JWS (RFC 7515) of the one algorithm that there is here, Ed25519 (RFC 8037), with
 * a header of exactly `alg`, `kid` and `typ`. The header is read by jose; the signature is checked
 * by Node itself (docs/decisions/0019-signatures-by-node.md). Throws for what is none.
 */
export function readCompactJws(jws: string): ReadJws {
  const parts = COMPACT.exec(jws)
  if (parts === null) throw new TypeError('This is no compact JWS with a signature of 64 bytes.')
  const [, signed = '', header = '', payload = '', signature = ''] = parts
  const { kid, typ } = readHeader(header)
  return {
    kid,
    typ,
    verified: async (key) => {
      const bytes = Buffer.from(signature, 'base64url')
      if (!(await verifyBytes(null, Buffer.from(signed), key, bytes))) return undefined
      const claims: unknown = JSON.parse(UTF8.decode(Buffer.from(payload, 'base64url')))
      return claims
    },
  }
}

let lastRead: Readonly<{ text: string; header: z.infer<typeof Header> }> | undefined

/** One key signs many words of one type, and their headers are the same to the letter. */
function readHeader(text: string): z.infer<typeof Header> {
  if (lastRead?.text === text) return lastRead.header
  const header = Header.parse(decodeProtectedHeader({ protected: text }))
  lastRead = { text, header }
  return header
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

/** Signs claims by one key, which the header names, as what `typ` says. */
export function openCompactSigner(of: {
  key: KeyObject
  kid: string
  typ: string
}): (claims: object) => Promise<string> {
  const header = encoded({ alg: 'EdDSA', kid: of.kid, typ: of.typ })
  return async (claims) => {
    const input = `${header}.${encoded(claims)}`
    return `${input}.${(await signBytes(null, Buffer.from(input), of.key)).toString('base64url')}`
  }
}

const encoded = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url')
