import { verify } from 'node:crypto'
import { promisify } from 'node:util'

import { ChimeraError, DeniedError } from '@chimera/contracts/errors'
import {
  AdoptClaims,
  GrantClaims,
  HelloClaims,
  JWS_TYPE,
  SettleClaims,
  VoidClaims,
} from '@chimera/contracts/grant'
import { z } from 'zod'

import type { GrantKey, GrantKeys } from './grant-keys.ts'

type Word<C> = Readonly<{ name: string; typ: string; schema: z.ZodType<C>; maxCharacters: number }>

/**
 * What the Judge says to a tool server. A hello lists up to 100,000 boots, an adoption up to 2,000
 * effects with their arguments as well; the others are small.
 */
export const GRANT: Word<GrantClaims> = {
  name: 'grant',
  typ: JWS_TYPE.grant,
  schema: GrantClaims,
  maxCharacters: 65_536,
}
export const HELLO: Word<HelloClaims> = {
  name: 'hello',
  typ: JWS_TYPE.hello,
  schema: HelloClaims,
  maxCharacters: 8_000_000,
}
export const VOID: Word<VoidClaims> = {
  name: 'void',
  typ: JWS_TYPE.void,
  schema: VoidClaims,
  maxCharacters: 65_536,
}
export const SETTLE: Word<SettleClaims> = {
  name: 'settlement',
  typ: JWS_TYPE.settle,
  schema: SettleClaims,
  maxCharacters: 65_536,
}
export const ADOPT: Word<AdoptClaims> = {
  name: 'adoption',
  typ: JWS_TYPE.adopt,
  schema: AdoptClaims,
  maxCharacters: 32_000_000,
}

/** The base64url alphabet and nothing else: one word has one spelling, but for its last bits. */
const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]{86})$/
/** Strict: no `crit`, no `b64`, no key of its own. */
const Header = z.strictObject({
  alg: z.literal('EdDSA'),
  kid: z.string().min(1),
  typ: z.string(),
})

/** Beside the loop: it takes a tenth of a millisecond. */
const isSigned = promisify(verify)

const jsonOf = (part: string): unknown =>
  JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))

export type Verified<C> = Readonly<{ claims: C; key: GrantKey }>

/**
 * Verifies the Judge's signature (EdDSA by a key that the file holds now) and reads the claims
 * strictly. `typ` keeps one word from being taken for another. Says nothing about time, account or
 * boot. Throws GRANT_INVALID.
 */
export async function verifyWord<C>(
  word: Word<C>,
  jws: string,
  keys: GrantKeys,
): Promise<Verified<C>> {
  if (jws.length > word.maxCharacters) throw invalid(word, 'is too long')
  try {
    const [, header = '', payload = '', signature = ''] = COMPACT.exec(jws) ?? []
    const { kid, typ } = Header.parse(jsonOf(header))
    const key = keys.find(kid)
    if (key === undefined) throw invalid(word, `is signed by a key that is not in the file`)
    if (typ !== word.typ) throw invalid(word, `has the type ${typ.slice(0, 40)}`)
    // RFC 7515 section 5.2 for the one algorithm that there is: through WebCrypto the same takes
    // three times the loop's time, and every call of a mutating tool begins with it.
    const signed = Buffer.from(jws.slice(0, header.length + 1 + payload.length))
    if (!(await isSigned(null, signed, key.key, Buffer.from(signature, 'base64url')))) {
      throw invalid(word, 'is not one that the Judge signed')
    }
    return { claims: word.schema.parse(jsonOf(payload)), key }
  } catch (cause) {
    if (cause instanceof ChimeraError) throw cause
    throw invalid(word, 'is not one that the Judge signed', cause)
  }
}

function invalid(word: { name: string }, why: string, cause?: unknown): DeniedError {
  return new DeniedError('GRANT_INVALID', `The ${word.name} ${why}.`, { cause })
}
