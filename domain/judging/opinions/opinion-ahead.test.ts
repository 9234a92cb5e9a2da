import type { Opinion } from '@chimera/contracts/judging/opinion'
import { describe, expect, test } from 'vitest'

import type { Attempt } from '../attempt.ts'
import { judgeAttempt } from '../judge-attempt.ts'
import { attempt, proposal, scene } from '../judging-samples.ts'
import {
  awaitOpinion,
  isPlannedByModel,
  isPublicByModel,
  isWorthAsking,
  opinionAhead,
  opinionFrom,
} from './opinion-ahead.ts'

const call = { id: 'm1', model: 'm', prompt_hash: '0'.repeat(64), sources: [], output: {} }

/** The sample as a model's work. */
function byModel(of: Attempt): Attempt {
  if (of.outcome.outcome !== 'result') throw new Error('It is a result.')
  const result = { ...of.outcome.result, model_calls: [call] }
  return { ...of, outcome: { outcome: 'result', result } }
}
const tweet = attempt({ effects: [proposal()] })

describe('a model is asked', () => {
  test('about public words of a model, and not about those of an owner', () => {
    expect(isPublicByModel(tweet)).toBe(false)
    expect(isPublicByModel(byModel(tweet))).toBe(true)
    const payment = proposal({ tool: 'transfer_erc20', args: {} })
    expect(isPublicByModel(byModel(attempt({ effects: [payment] })))).toBe(false)
    expect(isPublicByModel(byModel(attempt({})))).toBe(false)
  })

  test('about what a model has planned, which is what no rule understands', () => {
    const planned = (text: string) =>
      isPlannedByModel(attempt({ effects: [proposal()], goal: { content: { text } } }))
    expect(planned('publish a tweet: hello world')).toBe(false)
    expect(planned('Kindly let them know')).toBe(true)
    const content = { kind: 'tweet.post', params: { text: 'hello' } }
    expect(isPlannedByModel(attempt({ effects: [proposal()], goal: { content } }))).toBe(false)
  })

  test('about nothing that the rules refuse, let wait, or have granted before', () => {
    const worth = (over: Parameters<typeof scene>[0], of = tweet) =>
      isWorthAsking(judgeAttempt(of, scene(over)))
    expect(worth({})).toBe(true)
    expect(worth({}, attempt({ effects: [proposal()], confidence: 0.8 }))).toBe(true)
    expect(worth({}, attempt({ effects: [proposal()], confidence: 0.5 }))).toBe(false)
    expect(worth({ slots: new Map() })).toBe(false)
    expect(worth({ isStopped: () => true })).toBe(false)
  })

  test('twice at most, and never while somebody may be asking', () => {
    const kept = { asked: 1, leftMs: -1, given: undefined }
    expect(opinionAhead(undefined)).toEqual({ kind: 'ask' })
    expect(opinionAhead({ ...kept, leftMs: 70 })).toEqual({ kind: 'wait', delayMs: 70 })
    expect(opinionAhead(kept)).toEqual({ kind: 'ask' })
    expect(opinionFrom(kept)).toBeUndefined()
    expect(opinionAhead({ ...kept, asked: 2 })).toBeUndefined()
    expect(opinionFrom({ ...kept, asked: 2 })).toHaveProperty('missing')
    const given = { missing: 'MODEL_UNAVAILABLE' }
    expect(opinionAhead({ ...kept, given })).toBeUndefined()
    expect(opinionFrom({ ...kept, given })).toBe(given)
  })

  test('before anything is granted', () => {
    const { move, rounds } = awaitOpinion(tweet, 75_000)
    expect(rounds).toEqual([])
    expect(move).toMatchObject({ to: 'judging', delayMs: 75_000, verdict: null })
  })
})

describe('what it says', () => {
  const says = (opinion: Partial<Opinion>, of: Attempt = byModel(tweet)) => {
    const whole: Opinion = { says: 'approve', quality: 1, faults: [], reason: 'No.', ...opinion }
    const { move } = judgeAttempt(of, scene({ opinion: { model: 'm', opinion: whole } }))
    return move.verdict?.verdict
  }
  const without = (of: Attempt) => judgeAttempt(of, scene()).move.verdict?.verdict

  test('never makes anything freer, whatever it is about', () => {
    const kinds = [1, 0.9, 0.8, 0.5].map((confidence) =>
      byModel(attempt({ effects: [proposal()], confidence })),
    )
    for (const of of kinds) expect(says({}, of)).toBe(without(of))
    expect(kinds.map((of) => says({}, of))).toEqual(['approve', 'escalate', 'escalate', 'reject'])
  })

  test('sends a model’s words back while attempts are left, then to a person', () => {
    expect(says({ says: 'reject', faults: ['offends'] })).toBe('reject')
    const last = { ...byModel(tweet), rejections: 2 }
    expect(says({ says: 'reject', faults: ['offends'] }, last)).toBe('escalate')
    expect(says({ says: 'reject', faults: ['offends'] }, tweet)).toBe('escalate')
    expect(says({ says: 'ask_person', faults: ['unclear'] })).toBe('escalate')
    expect(says({ quality: 0.69 })).toBe('escalate')
    expect(says({ quality: 0.7 })).toBe('approve')
  })
})
