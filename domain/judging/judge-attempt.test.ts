import { describe, expect, it } from 'vitest'

import type { Round } from './attempt.ts'
import { judgeAttempt } from './judge-attempt.ts'
import { TEXT, account, attempt, proposal, scene } from './judging-samples.ts'

const round = (over: Partial<Round> = {}): Round => ({
  effectId: '018f0000-0000-7000-8000-0000000000e1',
  versionId: '018f0000-0000-7000-8000-0000000000e2',
  approvals: [],
  taskId: '018f0000-0000-7000-8000-000000000001',
  round: 1,
  state: 'GRANTED',
  argsHash: 'another',
  code: null,
  ...over,
})
const withRounds = (...rounds: Round[]) => scene({ rounds: new Map([['publish', rounds]]) })
const tweet = attempt({ effects: [proposal()] })

describe('an attempt without effects', () => {
  it.each([
    [0.91, 'done'],
    [0.9, 'awaiting_approval'],
    [0.7, 'awaiting_approval'],
    [0.69, 'ready'],
  ])('at confidence %d goes to %s', (confidence, phase) => {
    expect(judgeAttempt(attempt({ confidence }), scene()).move.to).toBe(phase)
  })

  it('is rejected for good when its attempts are used up', () => {
    const { move } = judgeAttempt(attempt({ confidence: 0.1, rejections: 2 }), scene())
    expect(move).toMatchObject({ to: 'rejected', failure: { code: 'ATTEMPTS_EXHAUSTED' } })
  })

  it('of a goal that was cancelled is cancelled, whatever it brought', () => {
    const { move } = judgeAttempt(attempt({ goal: { status: 'CANCELLED' } }), scene())
    expect(move.to).toBe('cancelled')
  })

  it.each([
    ['denied', 'denied'],
    ['terminal', 'dead'],
  ] as const)('that failed as %s ends %s', (kind, phase) => {
    const failure = { code: 'TOOL_NOT_AVAILABLE', message: 'no server' }
    const outcome = { outcome: 'failure', failure, kind } as const
    const { move } = judgeAttempt({ ...attempt({}), outcome }, scene())
    expect(move).toMatchObject({ to: phase, failure })
  })
})

describe('a proposed tweet', () => {
  it('in the owner words of a planned slot is granted', () => {
    const { move, rounds } = judgeAttempt(tweet, scene())
    expect(move.to).toBe('granted')
    expect(rounds).toMatchObject([
      { slot: 'publish', round: 1, closedRounds: [], denied: undefined },
    ])
    expect(rounds[0]?.costUsdMicros).toBe(15_000n)
  })

  it('with one word that is not the owner word is denied', () => {
    const forged = proposal({
      args: { text: 'hello there', media_ids: [], is_ai_labeled: true },
    })
    const { move, rounds } = judgeAttempt(attempt({ effects: [forged] }), scene())
    expect(move).toMatchObject({ to: 'denied', failure: { code: 'PROVENANCE_MISMATCH' } })
    expect(rounds).toMatchObject([{ denied: { code: 'PROVENANCE_MISMATCH' } }])
  })

  it('in the words of a stranger needs a person', () => {
    const { move, rounds } = judgeAttempt(
      attempt({ effects: [proposal()], goal: { trust: 'untrusted' } }),
      scene(),
    )
    expect(move).toMatchObject({ to: 'awaiting_approval', verdict: { verdict: 'escalate' } })
    expect(rounds).toMatchObject([{ state: 'AWAITING_APPROVAL', ask: { slot: 'publish' } }])
  })

  it('outside the plan is denied without a row', () => {
    const stray = attempt({ effects: [proposal({ slot: 'publish:2' })] })
    const { move, rounds } = judgeAttempt(stray, scene())
    expect(move).toMatchObject({ to: 'denied', failure: { code: 'SLOT_UNKNOWN' } })
    expect(rounds).toEqual([])
  })

  it('proposed twice in one result is denied', () => {
    const twice = attempt({ effects: [proposal(), proposal()] })
    expect(judgeAttempt(twice, scene()).move.failure?.code).toBe('IDEMPOTENCY_CONFLICT')
  })

  it('without a tool server is denied with a reason', () => {
    const { move } = judgeAttempt(tweet, scene({ accounts: new Map() }))
    expect(move).toMatchObject({ to: 'denied', failure: { code: 'TOOL_NOT_AVAILABLE' } })
  })

  it('of a paper goal is denied on a live account, and of a live goal on a simulated one', () => {
    const live = scene({ accounts: new Map([['post_tweet', account({ live: true })]]) })
    expect(judgeAttempt(tweet, live).move.failure?.code).toBe('MODE_FORBIDDEN')
    const liveGoal = attempt({ effects: [proposal()], goal: { mode: 'live' } })
    expect(judgeAttempt(liveGoal, scene()).move.failure?.code).toBe('MODE_FORBIDDEN')
  })

  it('waits while a stop is in force, and spends no attempt', () => {
    const { move, rounds } = judgeAttempt(tweet, scene({ isStopped: (of) => of === 'x:default' }))
    expect(move).toMatchObject({ to: 'judging', isRejection: false })
    expect(move.waitingOn?.unblock).toBe('chimera resume')
    expect(rounds).toEqual([])
  })

  it('waits while the account has as many grants out as it may', () => {
    const { move, rounds } = judgeAttempt(tweet, scene({ waitsFor: (of) => of }))
    expect(move).toMatchObject({ to: 'judging', isRejection: false, waitsFor: 'x:default' })
    expect(rounds).toEqual([])
  })

  it.each([
    [0, 1_000],
    [20_000, 20_000],
    [900_000, 60_000],
  ])('that has waited %i ms is looked at again after %i ms', (waitedMs, delayMs) => {
    const held = attempt({ effects: [proposal()], waitedMs })
    const { move } = judgeAttempt(held, scene({ waitsFor: (of) => of }))
    expect(move.delayMs).toBe(delayMs)
  })

  it('waits until a cooldown is over that the account has named', () => {
    const until = '2026-11-21T18:15:00.000Z'
    const cooling = account({ cooldown: { until, leftMs: 900_000 } })
    const { move, rounds } = judgeAttempt(
      tweet,
      scene({ accounts: new Map([['post_tweet', cooling]]) }),
    )
    expect(move).toMatchObject({ to: 'judging', delayMs: 900_000, waitingOn: { until } })
    expect(rounds).toEqual([])
  })

  it('is granted when the cooldown is over', () => {
    const over = account({ cooldown: { until: '2026-11-21T18:15:00.000Z', leftMs: -1 } })
    const { move } = judgeAttempt(tweet, scene({ accounts: new Map([['post_tweet', over]]) }))
    expect(move.to).toBe('granted')
  })

  it('waits while the tool server is closed, with its reason', () => {
    const closed = account({ state: 'closed', reason: 'LEDGER_BEHIND' })
    const { move } = judgeAttempt(tweet, scene({ accounts: new Map([['post_tweet', closed]]) }))
    expect(move.to).toBe('judging')
    expect(move.waitingOn?.reason).toContain('LEDGER_BEHIND')
  })
})

describe('a slot that has had rounds', () => {
  it.each(['GRANTED', 'UNKNOWN', 'NEEDS_HUMAN'] as const)(
    'gets nothing while one is %s, same arguments or not',
    (state) => {
      const { move, rounds } = judgeAttempt(tweet, withRounds(round({ state })))
      expect(rounds).toEqual([])
      expect(move.to).toBe(state === 'GRANTED' ? 'granted' : 'reconciling')
      expect(move.isRejection).toBe(false)
    },
  )

  it('that another task holds is looked at again, because its receipt moves that task', () => {
    const other = round({ taskId: '018f0000-0000-7000-8000-0000000000ff' })
    const { move } = judgeAttempt(tweet, withRounds(other))
    expect(move).toMatchObject({ to: 'judging', delayMs: 5_000 })
  })

  it('is done when one has happened, even with another wording', () => {
    const { move, rounds } = judgeAttempt(tweet, withRounds(round({ state: 'CONFIRMED' })))
    expect(move.to).toBe('done')
    expect(move.verdict?.votes.some(({ code }) => code === 'IDEMPOTENCY_CONFLICT')).toBe(true)
    expect(rounds).toEqual([])
  })

  it.each(['REFUSED', 'NOT_SENT', 'NOT_HAPPENED', 'EXPIRED', 'DENIED'] as const)(
    'gets round 2 after a round that ended %s',
    (state) => {
      const { move, rounds } = judgeAttempt(tweet, withRounds(round({ state })))
      expect(move.to).toBe('granted')
      expect(rounds).toMatchObject([{ round: 2, closedRounds: [1] }])
    },
  )

  it('stops after the provider lost it five times', () => {
    const lost = [1, 2, 3, 4, 5].map((n) => round({ round: n, state: 'NOT_HAPPENED' }))
    expect(judgeAttempt(tweet, withRounds(...lost)).move.failure?.code).toBe('ATTEMPTS_EXHAUSTED')
  })

  it('keeps its identity whatever the words are', () => {
    const shorter = proposal({
      args: { text: 'hello', media_ids: [], is_ai_labeled: true },
      provenance: {
        ...proposal().provenance,
        '/text': { source: 'goal', path: '/text', span: [17, 22] },
      },
    })
    const [one] = judgeAttempt(tweet, scene()).rounds
    const [other] = judgeAttempt(attempt({ effects: [shorter] }), scene()).rounds
    expect(TEXT.slice(17, 22)).toBe('hello')
    expect(other?.effectKey).toBe(one?.effectKey)
    expect(other?.argsHash).not.toBe(one?.argsHash)
  })
})
