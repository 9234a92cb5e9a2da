import type { TaskPhase } from '@chimera/contracts/agent-task'
import type { EffectState } from '@chimera/contracts/effect'
import type { GoalStatus } from '@chimera/contracts/goal'
import type { ReceiptClaims } from '@chimera/contracts/grant'

import { type TaskMove, stay } from './attempt.ts'

/**
 * An effect that a verified receipt speaks of, with its task and the other effects of that task.
 */
export type SettlingEffect = {
  readonly effectId: string
  readonly versionId: string
  readonly slot: string
  readonly state: EffectState
  readonly effectKey: string
  readonly round: number
  readonly grantId: string
  readonly argsHash: string
  readonly account: string
  /** What it may cost at most, as it was granted. */
  readonly costUsdMicros: bigint
  readonly cancelling: boolean
  readonly voidReason: string | null
  readonly goalStatus: GoalStatus
  readonly task: {
    readonly taskId: string
    readonly tenantId: string
    readonly goalId: string
    readonly versionId: string
    readonly phase: TaskPhase
    readonly attempt: number
  }
  /** Slots of the task's current result that are not confirmed yet, this one not counted. */
  readonly otherSlotsOpen: number
}

/** How the effect moves, and its task with it; nothing when the receipt changes nothing. */
export type Settlement = {
  readonly effect: {
    readonly effectId: string
    readonly versionId: string
    readonly from: EffectState
    readonly to: EffectState
    readonly code: string | null
    readonly detail: string | null
    readonly providerRef: string | null
    /** Undefined while the reservation has to stay. */
    readonly spentUsdMicros: bigint | undefined
  }
  readonly task: TaskMove | undefined
}

/** Why a receipt was not applied. */
export type Unapplied = { readonly ignored: string }

/**
 * A closed round waits before the next, twice as long each time, when its receipt names no time.
 */
const NEXT_ROUND_MS = 200
const NEXT_ROUND_MAX_MS = 30_000

/** Codes of a VOID after which no other round of the same arguments can fare better. */
const FINAL_VOIDS = new Set([
  'GRANT_INVALID',
  'INPUT_INVALID',
  'TEXT_TOO_LONG',
  'MODE_FORBIDDEN',
  'LIMIT_EXCEEDED',
  'TARGET_UNKNOWN',
  'TOOL_NOT_AVAILABLE',
])

/**
 * What a verified receipt does (design.md section 5 item 5). It is applied only while its grant is
 * current and the effect GRANTED, UNKNOWN or NEEDS_HUMAN; anything else is a late copy.
 */
export function settleReceipt(
  effect: SettlingEffect,
  receipt: ReceiptClaims,
  nowMs: number,
): Settlement | Unapplied {
  const mismatch = bindingFault(effect, receipt)
  if (mismatch !== undefined) return { ignored: mismatch }
  if (!['GRANTED', 'UNKNOWN', 'NEEDS_HUMAN'].includes(effect.state)) {
    return { ignored: `the effect is ${effect.state} already` }
  }
  const to = recordState(effect, receipt)
  if (to === effect.state) return { ignored: `the effect is ${to} already` }
  if (effect.state === 'NEEDS_HUMAN' && to === 'UNKNOWN') {
    return { ignored: 'a person is needed, and asking again found nothing' }
  }
  return {
    effect: {
      effectId: effect.effectId,
      versionId: effect.versionId,
      from: effect.state,
      to,
      code: receipt.code ?? null,
      detail: receipt.detail ?? null,
      providerRef: receipt.provider_ref ?? null,
      spentUsdMicros: spent(effect, to, receipt),
    },
    task: moveTask(effect, to, receipt, nowMs),
  }
}

/**
 * What a genuine receipt of a grant that the record does not know does: the slot is held by
 * another grant, and that is never a refusal (design.md section 5 item 5). The open row of the
 * slot takes the holder's identity over, unless the record knows that round closed.
 */
export function adoptHolder(
  effect: SettlingEffect,
  receipt: ReceiptClaims,
  of: { closedRounds: readonly number[]; nowMs: number },
): Settlement | Unapplied {
  if (receipt.iss !== effect.account) return { ignored: 'the holder is of another account' }
  if (of.closedRounds.includes(receipt.round)) {
    return { ignored: `the record knows round ${receipt.round} closed` }
  }
  if (!['CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN'].includes(receipt.state)) {
    return { ignored: `a holder that is ${receipt.state} holds nothing` }
  }
  const { grant_id: grantId, round, args_hash: argsHash } = receipt
  // As if the row had been granted to the holder: what is UNKNOWN already changes its identity too.
  const adopted = { ...effect, state: 'GRANTED' as const, grantId, round, argsHash }
  const settlement = settleReceipt(adopted, receipt, of.nowMs)
  if ('ignored' in settlement) return settlement
  return { ...settlement, effect: { ...settlement.effect, from: effect.state } }
}

/** A receipt speaks for exactly one round of one slot with one set of arguments. */
function bindingFault(effect: SettlingEffect, receipt: ReceiptClaims): string | undefined {
  if (receipt.grant_id !== effect.grantId) return 'the receipt is for another grant'
  if (receipt.effect_key !== effect.effectKey) return 'the receipt is for another effect'
  if (receipt.round !== effect.round) return 'the receipt is for another round'
  if (receipt.args_hash !== effect.argsHash) return 'the receipt is for other arguments'
  if (receipt.iss !== effect.account) return 'the receipt is of another account'
  return undefined
}

function recordState(effect: SettlingEffect, receipt: ReceiptClaims): EffectState {
  if (receipt.state !== 'VOID') return receipt.state
  const isCalledOff = effect.voidReason === 'cancelled' || effect.voidReason === 'rejected'
  return isCalledOff || effect.goalStatus === 'CANCELLED' ? 'CANCELLED' : 'EXPIRED'
}

/**
 * A ledger that knows a round by its name only (a lost one, a restored one) knows no price of it:
 * then all that was reserved is spent, because what happened may never be missing from the books.
 */
function spent(
  effect: SettlingEffect,
  to: EffectState,
  receipt: ReceiptClaims,
): bigint | undefined {
  if (to === 'UNKNOWN' || to === 'NEEDS_HUMAN') return undefined
  return to === 'CONFIRMED' ? BigInt(receipt.cost_usd_micros ?? effect.costUsdMicros) : 0n
}

function moveTask(
  effect: SettlingEffect,
  to: EffectState,
  receipt: ReceiptClaims,
  nowMs: number,
): TaskMove | undefined {
  const { task } = effect
  if (!['judging', 'granted', 'reconciling'].includes(task.phase)) return undefined
  const base = stay(task)
  switch (to) {
    case 'CONFIRMED':
      return effect.otherSlotsOpen === 0 ? { ...base, to: 'done' } : { ...base, to: 'judging' }
    case 'UNKNOWN':
      return wait(
        base,
        'reconciling',
        `${receipt.iss} to say whether ${effect.slot} happened`,
        null,
      )
    case 'NEEDS_HUMAN':
      return wait(
        base,
        'reconciling',
        `a person to say whether ${effect.slot} happened`,
        `chimera effect settle ${effect.effectId}`,
      )
    case 'CANCELLED':
      return { ...base, to: 'cancelled', failure: { code: 'CANCELLED', message: 'Called off.' } }
    case 'REFUSED':
    case 'NOT_SENT':
    case 'NOT_HAPPENED':
    case 'EXPIRED':
      return nextRound(effect, to, receipt, nowMs)
    case 'PROPOSED':
    case 'AWAITING_APPROVAL':
    case 'GRANTED':
    case 'DENIED':
      return undefined
  }
}

/** The round is closed without effect: another one, now or later, or the end of the task. */
function nextRound(
  effect: SettlingEffect,
  to: 'REFUSED' | 'NOT_SENT' | 'NOT_HAPPENED' | 'EXPIRED',
  receipt: ReceiptClaims,
  nowMs: number,
): TaskMove {
  const base = stay(effect.task)
  const message = receipt.detail ?? receipt.code ?? to
  if (effect.goalStatus === 'CANCELLED') {
    return { ...base, to: 'cancelled', failure: { code: 'CANCELLED', message: 'Called off.' } }
  }
  const isFinal =
    (to === 'REFUSED' && receipt.retry_after_ms === undefined) ||
    (to === 'EXPIRED' && FINAL_VOIDS.has(receipt.code ?? ''))
  if (isFinal) {
    const failure = { code: receipt.code ?? 'UPSTREAM_REJECTED', message }
    return { ...base, to: to === 'REFUSED' ? 'rejected' : 'denied', failure }
  }
  const backoffMs = Math.min(NEXT_ROUND_MAX_MS, NEXT_ROUND_MS * 2 ** Math.min(effect.round - 1, 8))
  const delayMs = receipt.retry_after_ms ?? backoffMs
  const until = new Date(nowMs + delayMs).toISOString()
  const reason =
    receipt.code === 'COOLDOWN_ACTIVE'
      ? `cooldown of ${receipt.iss} until ${until}`
      : `the next round of ${effect.slot}: ${message}`
  return { ...base, to: 'judging', delayMs, waitingOn: { reason, until, unblock: null } }
}

function wait(
  base: ReturnType<typeof stay>,
  to: TaskPhase,
  reason: string,
  unblock: string | null,
): TaskMove {
  return { ...base, to, waitingOn: { reason, until: null, unblock } }
}
