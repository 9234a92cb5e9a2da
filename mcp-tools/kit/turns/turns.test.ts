import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, beforeEach, expect, test } from 'vitest'

import type { EffectDraft } from '../serving/define-tool.ts'
import { TestAccount } from '../testing/test-account.ts'
import { requestOf } from '../testing/test-tool.ts'

let account: TestAccount
let slow: PromiseWithResolvers<void>
const made: string[] = []
beforeEach(async () => {
  slow = Promise.withResolvers()
  made.length = 0
  account = new TestAccount()
  account.draft = draftOf
  await account.open()
})
afterEach(async () => account[Symbol.asyncDispose]())

const draftOf = (text: string): Partial<EffectDraft> => ({
  checkWindow: () => undefined,
  prepare: () => {
    made.push(text)
    if (text.startsWith('bad')) throw new RangeError('There are no bytes for this.')
    return text.startsWith('slow') ? slow.promise.then(() => requestOf(text)) : requestOf(text)
  },
})

const say = async (text: string) => account.call(account.claims({ args: { text } }), { text })

test('calls that waited in line are claimed in one commit', async () => {
  const first = say('slow')
  await expect.poll(() => made).toEqual(['slow'])
  const others = ['a', 'b', 'c', 'd', 'e'].map(say)
  await sleep(50)
  const before = account.ledger.seq()
  slow.resolve()
  const replies = await Promise.all([first, ...others])
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set(['CONFIRMED']))
  // Claim and outcome of the first, claims of the others, and what came of those.
  expect(account.ledger.seq() - before).toBeLessThanOrEqual(4)
})

test('a call that awaits its bytes holds up those behind it, until it is claimed', async () => {
  const first = say('slow')
  await expect.poll(() => made).toEqual(['slow'])
  const second = say('b')
  await sleep(20)
  expect(made).toEqual(['slow'])
  slow.resolve()
  expect(await first).toMatchObject({ status: 'CONFIRMED' })
  expect(await second).toMatchObject({ status: 'CONFIRMED' })
  expect(account.sent).toEqual(['slow', 'b'])
})

test('a tool that fails fails its own call alone', async () => {
  const [a, bad, c] = await Promise.all(['a', 'bad', 'c'].map(say))
  expect([a?.status, c?.status]).toEqual(['CONFIRMED', 'CONFIRMED'])
  expect(bad).toMatchObject({ status: 'NONE', code: 'TOOL_FAILED' })
  expect(account.ledger.entries.openCounts()).toMatchObject({ CLAIMED: 0 })
})

test('bytes that never come fail their own call alone', async () => {
  const late = say('slow')
  await expect.poll(() => made).toEqual(['slow'])
  slow.reject(new Error('the provider is away'))
  expect(await late).toMatchObject({ status: 'NONE', code: 'TOOL_FAILED' })
  expect(await say('b')).toMatchObject({ status: 'CONFIRMED' })
})
