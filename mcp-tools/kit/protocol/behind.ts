import type { HelloClaims } from '@chimera/contracts/grant'

import type { Ledger } from '../ledger/ledger.ts'

/** Why a ledger does not continue what the record knows. */
export function behindOf(ledger: Ledger, claims: HelloClaims): string | undefined {
  const missing = claims.known_boots.find((boot) => !ledger.boots.has(boot))
  if (missing !== undefined) return `the ledger lacks the boot ${missing} that the record knows`
  if (claims.highest_seq > ledger.seq()) {
    return `the record has seen seq ${claims.highest_seq}, the ledger is at ${ledger.seq()}`
  }
  return undefined
}
