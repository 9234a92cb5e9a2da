import { afterEach, beforeEach, expect, test } from 'vitest'

import { TestAccount } from '../testing/test-account.ts'
import { RULES } from './rules.ts'

let account: TestAccount
beforeEach(() => {
  account = new TestAccount()
})
afterEach(async () => account[Symbol.asyncDispose]())

/** How long the send may take when the process was paused for `pausedMs` right after the claim. */
async function deadlineAfter(pausedMs: number): Promise<number> {
  let deadlineMs = Number.NaN
  await account.open({
    rules: {
      claim: (...given) => {
        const entry = RULES.claim(...given)
        account.clockMs += pausedMs
        return entry
      },
      send: async (options) => {
        deadlineMs = options.deadlineMs
        return { kind: 'unknown', detail: 'nobody looked' }
      },
    },
  })
  await account.call(account.claims())
  return deadlineMs
}

// The provider's bound of absence counts from claim + deadline: a send that may take its deadline
// from whenever the process woke up, and dies then, would be looked for too early.
test('the deadline of a send counts from the claim, however long the process slept', async () => {
  const whole = await deadlineAfter(0)
  await account[Symbol.asyncDispose]()
  account = new TestAccount()
  expect(await deadlineAfter(400)).toBe(whole - 400)
})
