import type { Claim, EntryAbout } from '../ledger/entry-writes.ts'
import type { Entry } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { sendOnce, type SendOnce } from '../provider/send-once.ts'
import { openCatchUp, type CatchUp } from '../turns/catch-up.ts'
import { openTurns } from '../turns/turns.ts'
import { settledBy } from '../words/settle-by-person.ts'
import { behindOf } from './behind.ts'
import { CLAIM_CHECKS, CREDENTIAL_CHECKS, maySend, type Check, type MaySend } from './checks.ts'
import { lookUp } from './look-up.ts'
import { settleClaim } from './settle.ts'

/**
 * The rules of the effect protocol, one by one. They are handed over and not imported where they
 * are used, so that a test can compose a server without one of them and see what it was for. No
 * configuration reaches this.
 */
export type Rules = Readonly<{
  credentialChecks: readonly Check[]
  /** One call of the account after the other, from its bytes to its claim. */
  openTurns: typeof openTurns
  /** What came in while the process was away is heard before a claim. */
  openCatchUp: () => CatchUp
  lookUp: typeof lookUp
  claimChecks: readonly Check[]
  claim: (ledger: Ledger, about: EntryAbout, claim: Claim) => Entry
  maySend: MaySend
  send: SendOnce
  settle: typeof settleClaim
  /** Which entry a person's word is about. */
  settledBy: typeof settledBy
  /** Why a ledger does not continue what the record knows. */
  behindOf: typeof behindOf
  /** Whether no entry proves that a grant of this boot never acted. */
  provesAbsence: (ledger: Ledger, boot: string) => boolean
}>

export const RULES: Rules = {
  credentialChecks: CREDENTIAL_CHECKS,
  openTurns,
  openCatchUp,
  lookUp,
  claimChecks: CLAIM_CHECKS,
  claim: (ledger, about, claim) => ledger.entries.claim(about, claim),
  maySend,
  send: sendOnce,
  settle: settleClaim,
  settledBy,
  behindOf,
  provesAbsence: (ledger, boot) => ledger.boots.isWhole(boot),
}
