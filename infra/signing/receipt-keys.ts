import { readFileSync, statSync } from 'node:fs'

import { ChimeraError, DeniedError } from '@chimera/contracts/errors'
import { JWS_TYPE, ReceiptClaims } from '@chimera/contracts/grant'
import { compactVerify, createLocalJWKSet } from 'jose'
import { z } from 'zod'

/** Public keys of the tool servers; `kid` is the RFC 7638 thumbprint. */
const Jwks = z.object({
  keys: z.array(
    z.looseObject({
      kty: z.literal('OKP'),
      crv: z.literal('Ed25519'),
      x: z.string(),
      kid: z.string(),
      /** The account that this key speaks for; a receipt of another account is refused. */
      account: z.string().optional(),
    }),
  ),
})

/** Verifies receipts against a JWKS file that is read again when it changes. */
export type ReceiptKeys = {
  /** The claims of a genuine receipt. Throws DeniedError(GRANT_INVALID) for anything else. */
  verify(jws: string): Promise<ReceiptClaims>
}

/**
 * Opens the verifier on a file; a missing or broken file refuses every receipt until it is there.
 */
export function openReceiptKeys(file: string): ReceiptKeys {
  let readAt = -1
  let keys = createLocalJWKSet({ keys: [] })
  let accounts = new Map<string, string | undefined>()

  const refresh = () => {
    const changed = statSync(file).mtimeMs
    if (changed === readAt) return
    const jwks = Jwks.parse(JSON.parse(readFileSync(file, 'utf8')))
    keys = createLocalJWKSet(jwks)
    accounts = new Map(jwks.keys.map((key) => [key.kid, key.account]))
    readAt = changed
  }

  return {
    async verify(jws) {
      try {
        refresh()
        const { payload, protectedHeader } = await compactVerify(jws, keys, {
          algorithms: ['EdDSA', 'Ed25519'],
        })
        if (protectedHeader.typ !== JWS_TYPE.receipt) throw refused('it is no receipt')
        const claims = ReceiptClaims.parse(JSON.parse(new TextDecoder().decode(payload)))
        const account = accounts.get(protectedHeader.kid ?? '')
        if (account !== undefined && account !== claims.iss) throw refused('the key is of another')
        return claims
      } catch (error) {
        if (error instanceof ChimeraError) throw error
        throw refused('its signature or shape is wrong', error)
      }
    },
  }
}

const refused = (why: string, cause?: unknown) =>
  new DeniedError('GRANT_INVALID', `A receipt was refused: ${why}.`, { cause })
