import type { EffectState } from '@chimera/contracts/effect'

import type { LedgerWord, RecordedRound } from './ledger-word.ts'

/** What the import does with one word of a ledger. */
export type Placing =
  /** The record says the same, or knows better. */
  | { readonly kind: 'same' }
  /** The row of this very grant takes the ledger's state. */
  | { readonly kind: 'settle'; readonly row: RecordedRound }
  /** The row takes the grant over that really holds its slot, and that grant's state. */
  | { readonly kind: 'adopt'; readonly row: RecordedRound }
  /** No row: one is made, under this number; rows below it that are still open are over. */
  | { readonly kind: 'make'; readonly round: number; readonly over: readonly RecordedRound[] }
  /** Record and ledger cannot both be right: told, and left as it is. */
  | { readonly kind: 'differs'; readonly why: string }

const HOLDS_ITS_SLOT: ReadonlySet<EffectState> = new Set<EffectState>([
  'PROPOSED',
  'AWAITING_APPROVAL',
  'GRANTED',
  'UNKNOWN',
  'NEEDS_HUMAN',
  'CONFIRMED',
])
const IS_OPEN = (row: RecordedRound): boolean =>
  HOLDS_ITS_SLOT.has(row.state) && row.state !== 'CONFIRMED'
const MAY_HAVE_HAPPENED = new Set(['CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN'])

/**
 * Where a ledger's word belongs among the rounds that the record has of its slot (design.md section
 * 5, "The record restored"; rule `import` of the model): the newer round wins, closed rounds merge,
 * an entry without a row makes one.
 */
export function placeWord(word: LedgerWord, rows: readonly RecordedRound[]): Placing {
  const own = rows.find((row) => row.grantId === word.grantId)
  if (own !== undefined) return ownRow(word, own, rows)
  const mayHaveHappened = MAY_HAVE_HAPPENED.has(word.state)
  const top = rows.reduce((most, { round }) => Math.max(most, round), 0)
  const taken = rows.find((row) => row.round === word.round)
  if (taken !== undefined) {
    if (IS_OPEN(taken)) return { kind: 'adopt', row: taken }
    if (!mayHaveHappened) return { kind: 'same' }
    if (rows.some(({ state }) => HOLDS_ITS_SLOT.has(state))) return otherGrant(word, taken)
    return { kind: 'make', round: top + 1, over: [] }
  }
  const above = rows.filter((row) => row.round > word.round)
  if (mayHaveHappened && above.length > 0) {
    return { kind: 'differs', why: `the record has a later round than ${word.round}` }
  }
  const below = rows.filter((row) => row.round < word.round)
  const done = below.find((row) => row.state === 'CONFIRMED')
  if (mayHaveHappened && done !== undefined) {
    return { kind: 'differs', why: `round ${done.round} has happened, too, says the record` }
  }
  return { kind: 'make', round: word.round, over: below.filter(IS_OPEN) }
}

const otherGrant = (word: LedgerWord, taken: RecordedRound): Placing => ({
  kind: 'differs',
  why: `round ${word.round} is ${taken.state} in the record for another grant`,
})

function ownRow(word: LedgerWord, row: RecordedRound, rows: readonly RecordedRound[]): Placing {
  if (IS_OPEN(row)) {
    const isKnown =
      word.state === row.state || (word.state === 'UNKNOWN' && row.state === 'NEEDS_HUMAN')
    return isKnown ? { kind: 'same' } : { kind: 'settle', row }
  }
  // A settled row against an older word of the ledger: the record knows better.
  if (row.receiptState === word.state || word.state === 'UNKNOWN') return { kind: 'same' }
  if (word.state === 'NEEDS_HUMAN') return { kind: 'same' }
  const isFree = rows.every((other) => other === row || !HOLDS_ITS_SLOT.has(other.state))
  if (word.state === 'CONFIRMED' && isFree) return { kind: 'settle', row }
  return { kind: 'differs', why: `round ${word.round} is ${row.state} in the record` }
}
