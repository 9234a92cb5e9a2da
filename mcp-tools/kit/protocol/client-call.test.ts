import { META_IDEMPOTENCY_KEY } from '@chimera/contracts/grant'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { TestAccount } from '../testing/test-account.ts'

const DAY_MS = 86_400_000

let account: TestAccount
beforeEach(async () => {
  account = await new TestAccount().open({ grants: 'off' })
})
afterEach(async () => account[Symbol.asyncDispose]())

const call = async (text: string, key?: string) =>
  account.callWith({ text }, key === undefined ? {} : { [META_IDEMPOTENCY_KEY]: key })

test('the same key does it once, through a restart', async () => {
  expect(await call('hello', 'k1')).toMatchObject({ status: 'CONFIRMED' })
  await account.restart({ grants: 'off' })
  expect(await call('hello', 'k1')).toMatchObject({ status: 'CONFIRMED' })
  expect(account.sent).toHaveLength(1)
})

test('the same key with other arguments is a conflict', async () => {
  await call('hello', 'k1')
  expect(await call('hello!', 'k1')).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  expect(account.sent).toHaveLength(1)
})

test('a key that begins like another is another', async () => {
  await call('hello', 'k1')
  account.clockMs += DAY_MS
  expect(await call('hello!', 'k1@2')).toMatchObject({ status: 'CONFIRMED' })
  expect(await call('hello', 'k1')).toMatchObject({ status: 'CONFIRMED' })
  expect(account.sent).toHaveLength(2)
})

test('without a key the text is the key, for a day', async () => {
  await call('hello')
  account.clockMs += DAY_MS - 1
  await call('hello')
  expect(account.sent).toHaveLength(1)
  account.clockMs += 1
  await call('hello')
  await call('hello')
  expect(account.sent).toHaveLength(2)
})

test('the cooldown of the account holds', async () => {
  await call('one', 'k1')
  expect(await call('two', 'k2')).toMatchObject({ code: 'COOLDOWN_ACTIVE', retryAfterMs: 900_000 })
})

test('the fence of the account holds', async () => {
  account.server.control.fence({ scope: 'tool:account-1', epoch: 1, stopped: true })
  expect(await call('one', 'k1')).toMatchObject({ code: 'FENCED' })
  account.server.control.fence({ scope: 'tool:account-1', epoch: 2, stopped: false })
  expect(await call('one', 'k1')).toMatchObject({ status: 'CONFIRMED' })
})

test('what was definitely refused may be tried again with the same key', async () => {
  account.answers.push({ kind: 'refuse' }, { kind: 'accept' })
  expect(await call('hello', 'k1')).toMatchObject({ status: 'REFUSED' })
  expect(await call('hello', 'k1')).toMatchObject({ status: 'CONFIRMED' })
})

test('what is unknown is never tried again', async () => {
  account.answers.push({ kind: 'lose' })
  expect(await call('hello', 'k1')).toMatchObject({ status: 'UNKNOWN', code: 'OUTCOME_UNKNOWN' })
  account.clockMs += 10 * DAY_MS
  expect(await call('hello', 'k1')).toMatchObject({ status: 'UNKNOWN' })
  expect(account.sent).toHaveLength(1)
})

test('an unlabelled post is refused: nobody has granted it', async () => {
  const reply = await account.callWith({ text: 'hello', labelled: false })
  expect(reply).toMatchObject({ code: 'LIMIT_EXCEEDED' })
  expect(account.sent).toEqual([])
})

test('a grant is not taken by a server without the keys of a Judge', async () => {
  const reply = await account.call(account.claims())
  expect(reply).toMatchObject({ code: 'GRANT_INVALID' })
})
