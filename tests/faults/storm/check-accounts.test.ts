import { expect, test } from 'vitest'

import type { ProviderLine } from '../checker/history.ts'
import { checkAccounts } from './check-accounts.ts'

const post: ProviderLine = {
  n: 1,
  method: 'POST',
  path: '/2/tweets',
  body: { text: 'said once' },
  outcome: 'accepted',
  status: 201,
  id: 'id-1',
}
const effect = { slot: 'publish', round: 1, state: 'CONFIRMED', provider_ref: 'id-1' }
const goal = { id: 'g', status: 'COMPLETED', failure: null, partial: [], effects: [effect] }

/** A goal of agent b, and the account that its words were seen at. */
const seenAt = (agent: string | undefined) =>
  checkAccounts({
    intents: [{ goalId: 'g', words: 'said once', isAccepted: true }],
    agents: new Map([['g', 'agent-b']]),
    providers: [undefined, 'agent-b'].map((each) => ({
      agent: each,
      lines: each === agent ? [post] : [],
    })),
    goals: new Map([['g', goal]]),
  })

test('nothing is wrong with words that are seen at the account of their agent', () => {
  const { findings, counts } = seenAt('agent-b')
  expect(findings).toEqual([])
  expect(counts).toEqual({ accepted: 1, completed: 1, confirmed: 1, failedHonestly: 0 })
})

test('the words of one agent at the account of another are found twice', () => {
  const verdicts = seenAt(undefined).findings.map(({ verdict }) => verdict)
  expect(verdicts.toSorted()).toEqual(['unexpected', 'wrongly_confirmed'])
})
