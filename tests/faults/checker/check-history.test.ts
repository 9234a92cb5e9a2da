import { describe, expect, test } from 'vitest'

import { checkHistory, type Verdict } from './check-history.ts'
import { type GoalSeen, type History, parseProviderRecord, type ProviderLine } from './history.ts'

const WORDS = 'said once'
const intent = { goalId: 'g', words: WORDS, isAccepted: true }

const post = (n: number, outcome: ProviderLine['outcome'] = 'accepted'): ProviderLine => ({
  n,
  method: 'POST',
  path: '/2/tweets',
  body: { text: WORDS },
  outcome,
  status: outcome === 'accepted' ? 201 : null,
  ...(outcome === 'refused' ? {} : { id: `id-${n}` }),
})

type Round = [state: string, ref?: string]

const goal = (status: string, rounds: Round[], more: Partial<GoalSeen> = {}): GoalSeen => ({
  id: 'g',
  status,
  failure: status === 'FAILED' ? { code: 'UPSTREAM_REFUSED' } : null,
  partial: [],
  effects: rounds.map(([state, ref], at) => ({
    slot: 'publish',
    round: at + 1,
    state,
    provider_ref: ref ?? null,
  })),
  ...more,
})

function historyOf(
  provider: ProviderLine[],
  seen: GoalSeen | undefined,
  of: Partial<typeof intent> = {},
): History {
  const goals = new Map(seen === undefined ? [] : [[seen.id, seen]])
  return { intents: [{ ...intent, ...of }], provider, goals }
}

const verdicts = (history: History): Verdict[] =>
  checkHistory(history).findings.map(({ verdict }) => verdict)

describe('nothing is wrong when', () => {
  test.each([
    ['it happened and is confirmed', [post(1)], goal('COMPLETED', [['CONFIRMED', 'id-1']])],
    [
      'the answer was lost and it was found',
      [post(1, 'cut')],
      goal('COMPLETED', [['CONFIRMED', 'id-1']]),
    ],
    [
      'it was refused first, and happened in the next round',
      [post(1, 'refused'), post(2)],
      goal('COMPLETED', [['NOT_HAPPENED'], ['CONFIRMED', 'id-2']]),
    ],
    [
      'it failed, says why, and did not happen',
      [post(1, 'refused')],
      goal('FAILED', [['REFUSED']]),
    ],
    [
      'it failed in part, and says which part',
      [post(1)],
      goal('FAILED', [['CONFIRMED', 'id-1']], { partial: ['publish'] }),
    ],
  ])('%s', (_what, provider, seen) => {
    expect(verdicts(historyOf(provider, seen))).toEqual([])
  })

  test('a goal without an effect is completed', () => {
    const generic = { intents: [{ goalId: 'g', isAccepted: true }], provider: [] }
    const goals = new Map([['g', goal('COMPLETED', [])]])
    expect(verdicts({ ...generic, goals })).toEqual([])
  })

  test('a goal that was never accepted is not there', () => {
    expect(verdicts(historyOf([], undefined, { isAccepted: false }))).toEqual([])
  })

  test('an open effect belongs to a later reading of the timeline', () => {
    const read = { ...post(2), method: 'GET', path: '/2/users/1/tweets', body: undefined }
    const history = historyOf([post(1), read], goal('COMPLETED', [['CONFIRMED', 'id-1']]))
    expect(verdicts(history)).toEqual([])
  })
})

describe('lost', () => {
  test.each([
    ['the API does not know it', [], undefined],
    ['it never ends', [], goal('ACTIVE', [])],
    ['it is completed and nothing happened', [], goal('COMPLETED', [])],
    ['it failed without a word', [], goal('FAILED', [], { failure: null })],
    ['it was cancelled by nobody', [], goal('CANCELLED', [])],
  ])('%s', (_what, provider, seen) => {
    expect(verdicts(historyOf(provider, seen))).toEqual(['lost'])
  })
})

describe('duplicated', () => {
  const confirmed = goal('COMPLETED', [['CONFIRMED', 'id-1']])

  test('X took it twice; the second one is said not to have happened, too', () => {
    const history = historyOf([post(1, 'cut'), post(2)], confirmed)
    expect(verdicts(history)).toEqual(['duplicated', 'wrongly_denied'])
  })

  test('X was asked again and caught it', () => {
    expect(verdicts(historyOf([post(1), post(2, 'refused')], confirmed))).toEqual(['duplicated'])
  })

  test('both are confirmed, and it is twice all the same', () => {
    const twice = goal('COMPLETED', [
      ['CONFIRMED', 'id-1'],
      ['CONFIRMED', 'id-2'],
    ])
    expect(verdicts(historyOf([post(1), post(2)], twice))).toEqual(['duplicated'])
  })
})

describe('wrongly confirmed', () => {
  test.each<[string, Round[]]>([
    ['a reference that X never gave', [['CONFIRMED', 'id-9']]],
    ['no reference at all', [['CONFIRMED']]],
  ])('%s', (_what, rounds) => {
    const found = verdicts(historyOf([post(1, 'refused')], goal('COMPLETED', rounds)))
    expect(found).toEqual(['wrongly_confirmed'])
  })

  test('one thing that happened is two effects', () => {
    const rounds: Round[] = [
      ['CONFIRMED', 'id-1'],
      ['CONFIRMED', 'id-1'],
    ]
    const found = verdicts(historyOf([post(1)], goal('COMPLETED', rounds)))
    expect(found).toEqual(['wrongly_confirmed'])
  })
})

describe('wrongly denied', () => {
  test.each([
    ['NOT_HAPPENED, and X has it', goal('FAILED', [['NOT_HAPPENED']])],
    ['VOID, and X has it', goal('FAILED', [['EXPIRED']])],
    ['no effect at all, and X has it', goal('FAILED', [])],
    ['a failed goal that keeps it to itself', goal('FAILED', [['CONFIRMED', 'id-1']])],
  ])('%s', (_what, seen) => {
    expect(verdicts(historyOf([post(1, 'cut')], seen))).toEqual(['wrongly_denied'])
  })
})

test.each(['PROPOSED', 'AWAITING_APPROVAL', 'GRANTED', 'UNKNOWN'])('%s is unsettled', (state) => {
  for (const status of ['ACTIVE', 'COMPLETED', 'FAILED']) {
    expect(verdicts(historyOf([post(1, 'cut')], goal(status, [[state]])))).toEqual(['unsettled'])
  }
})

test('an effect that waits for a person needs one', () => {
  const history = historyOf([post(1, 'hung')], goal('ACTIVE', [['NEEDS_HUMAN']]))
  expect(verdicts(history)).toEqual(['needs_human'])
})

describe('unexpected', () => {
  test('X was asked for what nobody wanted', () => {
    const stray = { ...post(2), body: { text: 'said by nobody' } }
    const history = historyOf([post(1), stray], goal('COMPLETED', [['CONFIRMED', 'id-1']]))
    expect(verdicts(history)).toEqual(['unexpected'])
  })

  test('X took the words of a goal that is not there', () => {
    const history = historyOf([post(1)], undefined, { isAccepted: false })
    expect(verdicts(history)).toEqual(['unexpected'])
  })
})

test('counts what went well', () => {
  const seen = [goal('COMPLETED', [['CONFIRMED', 'id-1']]), { ...goal('FAILED', []), id: 'f' }]
  const intents = [intent, { goalId: 'f', words: 'never said', isAccepted: true }]
  const goals = new Map(seen.map((each) => [each.id, each]))
  expect(checkHistory({ intents, provider: [post(1)], goals }).counts).toEqual({
    accepted: 2,
    completed: 1,
    confirmed: 1,
    failedHonestly: 1,
  })
})

test('a line that is still being written is not read', () => {
  const line = JSON.stringify(post(1))
  expect(parseProviderRecord(`${line}\n${line.slice(0, 20)}`)).toHaveLength(1)
  expect(parseProviderRecord('')).toEqual([])
})
