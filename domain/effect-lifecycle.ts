import type { EffectState } from '@chimera/contracts/effect'

/**
 * Every edge of one round of an effect (design.md section 3). The database refuses all others
 * (`check_effect_move` in 0002-guards.sql; a test holds the two equal). GRANTED -> EXPIRED and
 * GRANTED -> CANCELLED need the ledger's VOID: see `needsVoid`. The restore of record and ledger
 * both (any state but CONFIRMED -> NEEDS_HUMAN) is no edge of normal life and comes with `chimera
 * restore`.
 */
export const EFFECT_EDGES = {
  PROPOSED: ['AWAITING_APPROVAL', 'GRANTED', 'DENIED', 'EXPIRED', 'CANCELLED'],
  // Back to PROPOSED when a person edited it: same row, new arguments, new approval.
  AWAITING_APPROVAL: ['PROPOSED', 'GRANTED', 'DENIED', 'EXPIRED', 'CANCELLED'],
  GRANTED: [
    'CONFIRMED',
    'REFUSED',
    'NOT_SENT',
    'UNKNOWN',
    'EXPIRED',
    'CANCELLED',
    // A receipt may tell of a look-up that ended before the record had heard of the UNKNOWN.
    'NOT_HAPPENED',
    'NEEDS_HUMAN',
  ],
  UNKNOWN: ['CONFIRMED', 'NOT_HAPPENED', 'NEEDS_HUMAN'],
  NEEDS_HUMAN: ['CONFIRMED', 'NOT_HAPPENED'],
  CONFIRMED: [],
  REFUSED: [],
  NOT_SENT: [],
  NOT_HAPPENED: [],
  DENIED: [],
  EXPIRED: [],
  CANCELLED: [],
} as const satisfies Record<EffectState, readonly EffectState[]>

/** May a round go from one state to another? */
export function canMoveEffect(from: EffectState, to: EffectState): boolean {
  const edges: readonly EffectState[] = EFFECT_EDGES[from]
  return edges.includes(to)
}

/** No receipt and no person changes such a round again. */
export function isEffectFinal(state: EffectState): boolean {
  return EFFECT_EDGES[state].length === 0
}

/**
 * Only the ledger's word that the grant will never act allows this move (design.md section 5, item
 * 6).
 */
export function needsVoid(from: EffectState, to: EffectState): boolean {
  return from === 'GRANTED' && (to === 'EXPIRED' || to === 'CANCELLED')
}

/**
 * The slot is taken: other arguments get IDEMPOTENCY_CONFLICT and the task waits in `reconciling`.
 */
export function holdsSlot(state: EffectState): boolean {
  return (
    state === 'GRANTED' || state === 'UNKNOWN' || state === 'NEEDS_HUMAN' || state === 'CONFIRMED'
  )
}

/** Granted and ended without an effect in the world; the next grant lists such rounds as closed. */
export function isClosedWithoutEffect(state: EffectState): boolean {
  return (
    state === 'REFUSED' ||
    state === 'NOT_SENT' ||
    state === 'NOT_HAPPENED' ||
    state === 'EXPIRED' ||
    state === 'CANCELLED'
  )
}

/**
 * May the slot have its next round? After DENIED only while the task has attempts left; after
 * CANCELLED never, because the goal was called off or a person said no after the grant.
 */
export function mayOpenNextRound(last: EffectState, hasAttemptsLeft: boolean): boolean {
  if (last === 'DENIED') return hasAttemptsLeft
  return isClosedWithoutEffect(last) && last !== 'CANCELLED'
}
