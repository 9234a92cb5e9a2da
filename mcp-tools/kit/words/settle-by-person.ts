import { DeniedError, RetryableError } from '@chimera/contracts/errors'
import type { SettleClaims } from '@chimera/contracts/grant'

import type { Settlement } from '../ledger/entry-writes.ts'
import type { Entry } from '../ledger/entry.ts'
import { boundOf, type AbsenceBound } from '../protocol/absence.ts'
import type { Account } from '../protocol/granted-call.ts'
import type { Rules } from '../protocol/rules.ts'
import { SETTLE, verifyWord } from '../protocol/verify-word.ts'
import { checkAddressee } from './addressee.ts'

/** A person's word on an effect that no provider could tell of (design.md section 5, item 4). */
export type SettleEffect = (jws: string) => Promise<Entry>

const MAX_DETAIL = 1_000

/**
 * Writes what a person says became of an entry, and answers the entry. Only where nobody else can
 * tell: NEEDS_HUMAN, or UNKNOWN after its bound. Carried twice, it answers the same. Works while
 * fenced. Throws SETTLE_REFUSED, IN_PROGRESS, and what makes the word another server's.
 */
export function createSettle(options: {
  account: Account
  absence: AbsenceBound
  rules: Pick<Rules, 'settledBy'>
}): SettleEffect {
  const { account, absence, rules } = options
  const { ledger } = account
  return async (jws) => {
    const { claims } = await verifyWord(SETTLE, jws, account.keys)
    return ledger.transact(() => {
      checkAddressee(claims, account)
      const entry = rules.settledBy(ledger, claims)
      if (entry === undefined) {
        throw refused('The ledger does not know this round of this grant')
      }
      const to = settlementOf(claims, ledger.now())
      if (isSaidAlready(entry, to)) return entry
      checkMaySettle(entry, boundOf(entry, absence) - ledger.now())
      const { providerRef } = to
      if (providerRef !== undefined && ledger.entries.byProviderRef(entry.account, providerRef)) {
        throw refused(`${providerRef} is another effect's`)
      }
      return ledger.entries.settle(entry, to)
    })
  }
}

function settlementOf(claims: SettleClaims, settledMs: number): Settlement {
  const detail = `Settled by ${claims.actor}: ${claims.reason}`.slice(0, MAX_DETAIL)
  if (claims.outcome === 'did_not_happen') return { state: 'NOT_HAPPENED', settledMs, detail }
  if (claims.provider_ref === undefined) {
    throw refused("What happened is named by the provider's reference")
  }
  return { state: 'CONFIRMED', settledMs, detail, providerRef: claims.provider_ref }
}

/** The one round that a person looked at: of this grant, and of everything that it names. */
export function settledBy(
  { entries }: Pick<Account['ledger'], 'entries'>,
  claims: SettleClaims,
): Entry | undefined {
  const entry = entries.byGrant(claims.grant_id)
  const isAbout =
    entry?.effectKey === claims.effect_key &&
    entry.round === claims.round &&
    entry.argsHash === claims.args_hash
  return isAbout ? entry : undefined
}

const isSaidAlready = (entry: Entry, to: Settlement): boolean =>
  entry.state === to.state && entry.providerRef === to.providerRef

function checkMaySettle(entry: Entry, untilBoundMs: number): void {
  if (entry.state === 'NEEDS_HUMAN') return
  if (entry.state === 'CLAIMED') {
    throw new RetryableError('IN_PROGRESS', 'The effect is being acted on right now.')
  }
  if (entry.state !== 'UNKNOWN') throw refused(`The ledger says ${entry.state}`)
  if (untilBoundMs > 0) {
    const seconds = Math.ceil(untilBoundMs / 1_000)
    throw refused(`For ${seconds} s more the provider itself can still tell`)
  }
}

function refused(why: string): DeniedError {
  return new DeniedError('SETTLE_REFUSED', `${why}.`)
}
