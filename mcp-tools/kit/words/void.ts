import { ConflictError, RetryableError } from '@chimera/contracts/errors'
import type { VoidClaims } from '@chimera/contracts/grant'

import type { EntryAbout, Settlement } from '../ledger/entry-writes.ts'
import type { Entry } from '../ledger/entry.ts'
import { aboutGrant, type Account } from '../protocol/granted-call.ts'
import type { Look, Reconciler } from '../protocol/reconcile.ts'
import type { Rules } from '../protocol/rules.ts'
import { VOID, verifyWord } from '../protocol/verify-word.ts'
import { checkAddressee } from './addressee.ts'

/**
 * The Judge's question whether a grant may be taken for dead (design.md section 5, item 6). After
 * GRANTED only the ledger ends an effect.
 */
export type VoidGrant = (jws: string) => Promise<Entry>

/** Why a round was voided, in the codes of the error table. */
const CODE_OF_REASON = {
  expired: 'GRANT_EXPIRED',
  cancelled: 'CANCELLED',
  stopped: 'FENCED',
  rejected: 'CANCELLED',
  boot_changed: 'BOOT_CHANGED',
} as const satisfies Record<VoidClaims['reason'], string>

/**
 * Answers the entry that the receipt is about: this grant's, with a tombstone written in the same
 * commit when it had none; or the one that holds its slot, for the record to adopt. Works while
 * fenced. Throws IN_PROGRESS (ask again), SUPERSEDED, BOOT_CHANGED, INCARNATION_CHANGED,
 * GRANT_INVALID, and what keeps the server closed.
 */
export function createVoid(options: {
  account: Account
  rules: Pick<Rules, 'lookUp' | 'provesAbsence'>
  lookByHandle: Reconciler['lookByHandle']
  alarm: (facts: Record<string, unknown>, message: string) => void
}): VoidGrant {
  const { account, rules } = options
  return async (jws) => {
    const { claims } = await verifyWord(VOID, jws, account.keys)
    const seen = await seenAt(claims, account, options.lookByHandle)
    return account.ledger.transact(() => {
      checkAddressee(claims, account)
      const { entries } = account.ledger
      const found = rules.lookUp(
        {
          grantId: claims.grant_id,
          effectKey: claims.effect_key,
          round: claims.round,
          argsHash: claims.args_hash,
          // A question lists none: whatever still holds the slot has to be heard of first.
          closedRounds: [],
        },
        entries.byGrant(claims.grant_id),
        entries.ofKey(claims.effect_key),
      )
      if (found.kind === 'recorded') return found.entry
      if (found.kind === 'new') {
        const answer = answerFor(claims, account, seen?.kind === 'absent' ? PROVEN : rules)
        const about = aboutGrant(aboutVoid(claims), account)
        if (seen?.kind !== 'found') return entries.put(about, answer)
        options.alarm(
          { grant_id: claims.grant_id, effect_key: claims.effect_key, goal: claims.goal },
          'the provider has an effect that this ledger never claimed',
        )
        return putFound(about, seen, account)
      }
      const { code, detail, holder, isAlarm = false } = found
      if (isAlarm) {
        const { grant_id, effect_key, round, goal } = claims
        options.alarm({ grant_id, effect_key, round, goal, code }, detail)
      }
      if (found.isGrantedTwice === true) account.gate.doubtRecord(detail)
      if (holder?.state === 'CLAIMED' || code === 'IN_PROGRESS') {
        throw new RetryableError('IN_PROGRESS', detail)
      }
      if (holder !== undefined) return holder
      throw new ConflictError(code, detail)
    })
  }
}

/**
 * What the provider says of a grant of an earlier start that this ledger does not know, where it
 * can be asked by a handle: before the round is closed, whatever the ledger proves. Throws
 * UPSTREAM_UNAVAILABLE when it has no answer now, and what makes the question another server's.
 */
async function seenAt(
  claims: VoidClaims,
  account: Account,
  lookByHandle: Reconciler['lookByHandle'],
): Promise<Look | undefined> {
  const { ledger } = account
  checkAddressee(claims, account)
  const { effect_key: effectKey, round, tool, mode } = claims
  const isKnown = ledger.entries.byGrant(claims.grant_id) !== undefined
  if (claims.granted_boot === ledger.boot || mode === 'dry' || isKnown) return undefined
  const signal = AbortSignal.timeout(LOOK_MS)
  const look = await lookByHandle?.({ effectKey, round, tool, mode }, { signal })
  if (look?.kind !== 'not_yet') return look
  const message = 'The provider does not say now whether it has this effect.'
  throw new RetryableError('UPSTREAM_UNAVAILABLE', message, { retryAfterMs: look.inMs ?? LOOK_MS })
}

/** The Keeper waits for longer, and asks again. */
const LOOK_MS = 10_000

const PROVEN: Pick<Rules, 'provesAbsence'> = { provesAbsence: () => true }

/** An effect of a ledger that was lost, as the provider knows it. */
function putFound(
  about: EntryAbout,
  { kind: _found, ...what }: Extract<Look, { kind: 'found' }>,
  { ledger }: Account,
): Entry {
  const settledMs = ledger.now()
  const detail = 'The provider has it; the ledger that claimed it was lost.'
  const unknown = { state: 'UNKNOWN', detail, settledMs, leftByMs: settledMs } as const
  const entry = ledger.entries.put(about, unknown)
  if (ledger.entries.byProviderRef(about.account, what.providerRef) !== undefined) return entry
  return ledger.entries.settle(entry, {
    leftByMs: settledMs,
    detail,
    ...what,
    state: 'CONFIRMED',
    settledMs,
  })
}

/**
 * No entry proves that the grant never acted when it was made for this boot, and as well when this
 * ledger continues the one that it was made for: the claim comes before the act and is on the disk.
 * Otherwise nothing is proved, and the provider has to be asked.
 */
function answerFor(
  claims: VoidClaims,
  { ledger }: Account,
  rules: Pick<Rules, 'provesAbsence'>,
): Settlement & { state: 'VOID' | 'UNKNOWN' } {
  const settledMs = ledger.now()
  if (rules.provesAbsence(ledger, claims.granted_boot)) {
    const detail = `Voided for the record: ${claims.reason}.`
    return { state: 'VOID', code: CODE_OF_REASON[claims.reason], detail, settledMs }
  }
  const detail = 'Granted for a start whose claims this ledger may not hold.'
  return { state: 'UNKNOWN', code: 'OUTCOME_UNKNOWN', detail, settledMs }
}

function aboutVoid(claims: VoidClaims): Parameters<typeof aboutGrant>[0] {
  return { ...claims, jti: claims.grant_id }
}
