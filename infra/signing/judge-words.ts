import {
  type AdoptClaims,
  type GrantClaims,
  type HelloClaims,
  JWS_TYPE,
  type SettleClaims,
  type VoidClaims,
} from '@chimera/contracts/grant'
import { CompactSign, calculateJwkThumbprint, importJWK } from 'jose'
import { z } from 'zod'

/** An Ed25519 private key as a JWK (RFC 8037). */
const PrivateJwk = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  d: z.string(),
})

/** Signs the Judge's words: compact JWS, EdDSA, `kid` = RFC 7638 thumbprint, `typ` per kind. */
export type JudgeWords = {
  grant(claims: GrantClaims): Promise<string>
  hello(claims: HelloClaims): Promise<string>
  void(claims: VoidClaims): Promise<string>
  settle(claims: SettleClaims): Promise<string>
  adopt(claims: AdoptClaims): Promise<string>
}

/** Opens the signer with the private JWK's JSON text. Throws when the key is none of ours. */
export async function openJudgeWords(jwkJson: string): Promise<JudgeWords> {
  const jwk = PrivateJwk.parse(JSON.parse(jwkJson))
  const key = await importJWK(jwk, 'EdDSA')
  const kid = await calculateJwkThumbprint(jwk)
  const sign = (typ: string, claims: object) =>
    new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'EdDSA', kid, typ })
      .sign(key)
  return {
    grant: (claims) => sign(JWS_TYPE.grant, claims),
    hello: (claims) => sign(JWS_TYPE.hello, claims),
    void: (claims) => sign(JWS_TYPE.void, claims),
    settle: (claims) => sign(JWS_TYPE.settle, claims),
    adopt: (claims) => sign(JWS_TYPE.adopt, claims),
  }
}
