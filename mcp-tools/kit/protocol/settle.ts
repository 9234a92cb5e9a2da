import type { Settlement } from '../ledger/entry-writes.ts'
import type { Entry } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Refusal } from '../provider/exchange.ts'
import type { SendOutcome } from '../provider/send-once.ts'
import { PROVIDER_HOLD } from './checks.ts'
import type { EffectPlan } from './effect-tool.ts'
import type { Staged } from './stage.ts'

/** What came of a claim: of its send, or of the step before it. */
export type ClaimOutcome = SendOutcome | Exclude<Staged, { kind: 'ready' }>

/**
 * Within a commit: writes what came of a claim, and answers the entry as it stands then. A definite
 * refusal frees the account's windows; whatever is not definite is UNKNOWN and keeps them.
 */
export function settleClaim(given: {
  ledger: Ledger
  entry: Entry
  plan: EffectPlan
  outcome: ClaimOutcome
}): Entry {
  const { ledger, entry, outcome } = given
  const to = settlementOf(given)
  const settled = ledger.entries.settle(entry, to)
  if (to.code === 'UPSTREAM_RATE_LIMITED' && outcome.kind !== 'not_sent') {
    ledger.holds.extend(PROVIDER_HOLD, to.settledMs + (to.retryAfterMs ?? 0))
  }
  return settled
}

function settlementOf(given: {
  ledger: Ledger
  entry: Entry
  plan: EffectPlan
  outcome: ClaimOutcome
}): Settlement {
  const { ledger, entry, outcome } = given
  const settledMs = ledger.now()
  const unknown = (detail: string): Settlement => ({
    state: 'UNKNOWN',
    code: 'OUTCOME_UNKNOWN',
    detail,
    settledMs,
    leftByMs: settledMs,
  })
  if (outcome.kind === 'not_sent') {
    const { code, detail } = outcome.refusal
    return { state: 'NOT_SENT', settledMs, code, detail }
  }
  if (outcome.kind === 'unknown') return unknown(outcome.detail)
  if (outcome.kind === 'refused') return refusedBy(outcome.refusal, settledMs)
  const answer = given.plan.classify(outcome.response)
  if (answer.outcome === 'unknown') return unknown(answer.detail)
  if (answer.outcome === 'pending') {
    const { detail = 'The provider has it; its end is not known yet.', facts } = answer
    return { ...unknown(detail), isPending: true, ...(facts === undefined ? {} : { facts }) }
  }
  if (answer.outcome === 'refused') return refusedBy(answer, settledMs)
  if (ledger.entries.byProviderRef(entry.account, answer.providerRef) !== undefined) {
    return unknown(`The provider named ${answer.providerRef}, which is another effect's.`)
  }
  const { outcome: _accepted, ...said } = answer
  return { ...said, state: 'CONFIRMED', settledMs, leftByMs: settledMs }
}

function refusedBy({ code, detail, retryAfterMs }: Refusal, settledMs: number): Settlement {
  const waits = retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(retryAfterMs) }
  return { state: 'REFUSED', settledMs, code, detail, ...waits }
}
