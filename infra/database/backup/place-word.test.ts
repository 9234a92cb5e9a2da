import type { EffectState } from '@chimera/contracts/effect'
import type { ReceiptState } from '@chimera/contracts/grant'
import { describe, expect, test } from 'vitest'

import type { LedgerWord, RecordedRound } from './ledger-word.ts'
import { placeWord } from './place-word.ts'

const word = (round: number, grantId: string, state: ReceiptState): LedgerWord => ({
  effectKey: 'k',
  round,
  grantId,
  argsHash: 'a',
  tool: 'post_tweet',
  mode: 'paper',
  scope: {},
  boot: 'b',
  state,
  code: null,
  detail: null,
  isSimulated: true,
  args: null,
  costUsdMicros: null,
  claimedAt: null,
  settledAt: null,
  providerRef: null,
  url: null,
  retryAfterMs: null,
  seq: 1,
})
const row = (
  round: number,
  grantId: string | null,
  state: EffectState,
  receiptState: string | null = null,
): RecordedRound => ({ id: `${round}`, tenantId: 't', round, grantId, state, receiptState })

const OPEN = ['GRANTED', 'UNKNOWN', 'NEEDS_HUMAN'] as const
const NO_EFFECT = ['REFUSED', 'NOT_SENT', 'NOT_HAPPENED', 'VOID'] as const

describe('an entry whose grant the record knows', () => {
  test.each(OPEN)('settles a row that is %s', (state) => {
    const known = row(1, 'g1', state)
    expect(placeWord(word(1, 'g1', 'CONFIRMED'), [known])).toEqual({ kind: 'settle', row: known })
  })
  test.each([
    ['UNKNOWN', 'UNKNOWN'],
    ['NEEDS_HUMAN', 'UNKNOWN'],
  ] as const)('leaves a row that is %s when the ledger says %s', (state, said) => {
    expect(placeWord(word(1, 'g1', said), [row(1, 'g1', state)])).toEqual({ kind: 'same' })
  })
  test.each(NO_EFFECT)('leaves one that the record has closed as %s', (state) => {
    const closed = row(1, 'g1', state === 'VOID' ? 'EXPIRED' : state, state)
    expect(placeWord(word(1, 'g1', state), [closed])).toEqual({ kind: 'same' })
    expect(placeWord(word(1, 'g1', 'UNKNOWN'), [closed])).toEqual({ kind: 'same' })
  })
  test('never takes back what the record knows to have happened', () => {
    const done = row(1, 'g1', 'CONFIRMED', 'CONFIRMED')
    expect(placeWord(word(1, 'g1', 'NOT_HAPPENED'), [done]).kind).toBe('differs')
  })
  test('says that it happened when the record had closed it', () => {
    const closed = row(1, 'g1', 'EXPIRED', 'VOID')
    expect(placeWord(word(1, 'g1', 'CONFIRMED'), [closed])).toEqual({ kind: 'settle', row: closed })
  })
})

describe('an entry of another grant', () => {
  test('takes over a row that is still open under its number', () => {
    const open = row(1, 'g1', 'GRANTED')
    expect(placeWord(word(1, 'g2', 'UNKNOWN'), [open])).toEqual({ kind: 'adopt', row: open })
  })
  test('that may have happened gets a number of its own when its own is closed', () => {
    const closed = row(1, 'g1', 'EXPIRED', 'VOID')
    const placing = placeWord(word(1, 'g2', 'CONFIRMED'), [closed])
    expect(placing).toEqual({ kind: 'make', round: 2, over: [] })
    expect(placeWord(word(1, 'g2', 'VOID'), [closed])).toEqual({ kind: 'same' })
  })
})

describe('an entry without a row', () => {
  test('makes one', () => {
    const placing = placeWord(word(1, 'g1', 'CONFIRMED'), [])
    expect(placing).toEqual({ kind: 'make', round: 1, over: [] })
  })
  test('of a later round ends what the record still had open', () => {
    const open = row(1, 'g1', 'GRANTED')
    const placing = placeWord(word(2, 'g2', 'CONFIRMED'), [open])
    expect(placing).toEqual({ kind: 'make', round: 2, over: [open] })
  })
  test('of a closed round merges below a later one', () => {
    const later = row(2, 'g2', 'GRANTED')
    const placing = placeWord(word(1, 'g1', 'VOID'), [later])
    expect(placing).toEqual({ kind: 'make', round: 1, over: [] })
  })
  test('never stands beside another that holds the slot', () => {
    const done = row(1, 'g1', 'CONFIRMED', 'CONFIRMED')
    expect(placeWord(word(2, 'g2', 'UNKNOWN'), [done]).kind).toBe('differs')
    expect(placeWord(word(1, 'g0', 'UNKNOWN'), [row(2, 'g2', 'GRANTED')]).kind).toBe('differs')
  })
})
