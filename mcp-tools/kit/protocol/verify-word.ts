import { ChimeraError, DeniedError } from '@chimera/contracts/errors'
import {
  AdoptClaims,
  GrantClaims,
  HelloClaims,
  JWS_TYPE,
  SettleClaims,
  VoidClaims,
} from '@chimera/contracts/grant'
import type { z } from 'zod'

import { readCompactJws } from '../words/compact-jws.ts'
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
    const { kid, typ, verified } = readCompactJws(jws)
    const key = keys.find(kid)
    if (key === undefined) throw invalid(word, `is signed by a key that is not in the file`)
    if (typ !== word.typ) throw invalid(word, `has the type ${typ.slice(0, 40)}`)
    const payload = await verified(key.key)
    if (payload === undefined) throw invalid(word, 'is not one that the Judge signed')
    return { claims: word.schema.parse(payload), key }
  } catch (cause) {
    if (cause instanceof ChimeraError) throw cause
    throw invalid(word, 'is not one that the Judge signed', cause)
  }
}

function invalid(word: { name: string }, why: string, cause?: unknown): DeniedError {
  return new DeniedError('GRANT_INVALID', `The ${word.name} ${why}.`, { cause })
}
