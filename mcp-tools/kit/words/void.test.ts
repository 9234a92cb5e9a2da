import { newId } from '@chimera/contracts/ids'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import type { Look } from '../protocol/reconcile.ts'
import { TestAccount } from '../testing/test-account.ts'

let account: TestAccount
beforeEach(async () => {
  account = await new TestAccount().open()
})
afterEach(async () => account[Symbol.asyncDispose]())

test('a grant that never came is VOID, and never acts when it comes after all', async () => {
  const claims = account.claims()
  const receipt = await account.askVoid(claims, { reason: 'cancelled' })
  expect(receipt).toMatchObject({
    state: 'VOID',
    code: 'CANCELLED',
    grant_id: claims.jti,
    effect_key: claims.effect_key,
    boot: account.ledger.boot,
  })
  expect(await account.call(claims)).toMatchObject({ status: 'VOID' })
  expect(account.sent).toEqual([])
})

test('asked twice, it is answered the same', async () => {
  const claims = account.claims()
  const first = await account.askVoid(claims)
  expect((await account.askVoid(claims)).seq).toBe(first.seq)
})

test('a grant that has acted answers what came of it', async () => {
  const claims = account.claims()
  await account.call(claims)
  expect(await account.askVoid(claims)).toMatchObject({ state: 'CONFIRMED' })
})

test('a grant in hand has no answer yet', async () => {
  account.answers.push({ kind: 'hold', next: { kind: 'accept' } })
  const claims = account.claims()
  const call = account.call(claims)
  await expect.poll(() => account.sent.length).toBe(1)
  await expect(account.askVoid(claims)).rejects.toMatchObject({ code: 'IN_PROGRESS' })
  account.release()
  await call
  expect(await account.askVoid(claims)).toMatchObject({ state: 'CONFIRMED' })
})

test('while fenced it is answered all the same', async () => {
  account.server.control.fence({ scope: 'everything', epoch: 5, stopped: true })
  expect(await account.askVoid(account.claims())).toMatchObject({ state: 'VOID' })
})

test('an earlier boot that the ledger continues proves as much as this one', async () => {
  const claims = account.claims()
  await account.restart()
  expect(await account.askVoid(claims)).toMatchObject({ state: 'VOID', boot: account.ledger.boot })
})

test('a boot that the ledger does not know proves nothing: UNKNOWN', async () => {
  const claims = account.claims({ boot: newId() })
  expect(await account.askVoid(claims)).toMatchObject({ state: 'UNKNOWN' })
  expect(await account.call({ ...claims, boot: account.ledger.boot })).toMatchObject({
    status: 'UNKNOWN',
  })
  expect(account.sent).toEqual([])
})

test('a later round makes it SUPERSEDED, without an outcome', async () => {
  const claims = account.claims({ round: 2 })
  await account.call(claims)
  const older = { ...claims, jti: newId(), round: 1 }
  await expect(account.askVoid(older)).rejects.toMatchObject({ code: 'SUPERSEDED' })
})

test('what holds the slot for another grant is named, for the record to adopt', async () => {
  const claims = account.claims()
  await account.call(claims)
  const receipt = await account.askVoid({ ...claims, jti: newId(), round: 2 })
  expect(receipt).toMatchObject({ state: 'CONFIRMED', grant_id: claims.jti, round: 1 })
  expect(account.alarms).toHaveLength(1)
})

test.each([
  ['another account', { aud: 'account-2' }, 'GRANT_INVALID'],
  ['an earlier boot', { boot: newId() }, 'BOOT_CHANGED'],
  ['another ledger', { ledger_id: newId() }, 'BOOT_CHANGED'],
  ['another life of the record', { incarnation: newId() }, 'INCARNATION_CHANGED'],
])('a question to %s is refused and leaves nothing', async (_title, other, code) => {
  const claims = account.claims()
  await expect(account.askVoid(claims, other)).rejects.toMatchObject({ code })
  expect([...account.ledger.entries.all()]).toEqual([])
})

test('a closed server answers nothing', async () => {
  const claims = account.claims()
  await account.restart({ hello: false })
  await expect(account.askVoid(claims)).rejects.toMatchObject({ code: 'SERVER_CLOSED' })
})

test('a grant is no question, and a question no grant', async () => {
  const claims = account.claims()
  const grant = await account.judge.sign('grant', claims)
  await expect(account.server.control.voidGrant(grant)).rejects.toMatchObject({
    code: 'GRANT_INVALID',
  })
  const question = await account.judge.voidOf(account.status, claims)
  expect(await account.call(claims, undefined, question)).toMatchObject({ code: 'GRANT_INVALID' })
})

describe('where the provider keeps a handle of ours', () => {
  const asked: object[] = []
  const provider = async (look: Look | undefined): Promise<void> => {
    asked.length = 0
    account.lookByHandle = async ({ effectKey, round }) => {
      asked.push({ effectKey, round })
      return look
    }
    await account.restart()
  }

  test('a grant of an earlier start is looked up before its round is closed', async () => {
    const claims = account.claims()
    await provider({ kind: 'unseen' })
    expect(await account.askVoid(claims)).toMatchObject({ state: 'VOID' })
    expect(asked).toEqual([{ effectKey: claims.effect_key, round: 1 }])
    // Of this start, or known: the ledger has the word.
    expect(await account.askVoid(claims)).toMatchObject({ state: 'VOID' })
    expect(await account.askVoid(account.claims())).toMatchObject({ state: 'VOID' })
    expect(asked).toHaveLength(1)
  })

  test('what it has there did happen, whatever the ledger lacks', async () => {
    const claims = account.claims()
    await provider({ kind: 'found', providerRef: 'order-1', costUsdMicros: 7n })
    expect(await account.askVoid(claims)).toMatchObject({
      state: 'CONFIRMED',
      provider_ref: 'order-1',
      cost_usd_micros: '7',
    })
    expect(account.alarms).toEqual(['the provider has an effect that this ledger never claimed'])
    const next = { ...account.claims(), effect_key: claims.effect_key, goal: claims.goal, round: 2 }
    expect(await account.call(next)).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  })

  test('no answer closes nothing', async () => {
    const claims = account.claims()
    await provider({ kind: 'not_yet', inMs: 500 })
    await expect(account.askVoid(claims)).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
    expect(account.ledger.entries.byGrant(claims.jti)).toBeUndefined()
  })

  test('a ledger that proves nothing leaves it UNKNOWN, and absence takes its bound', async () => {
    await provider({ kind: 'unseen' })
    const claims = account.claims({ boot: newId() })
    expect(await account.askVoid(claims)).toMatchObject({ state: 'UNKNOWN' })
    const look = async () => {
      account.clockMs += 3_600_000
      await account.hello()
      await account.server.control.reconcile([claims.jti])
      return account.ledger.entries.get(claims.jti).state
    }
    expect(await look()).toBe('UNKNOWN')
    expect(await look()).toBe('NOT_HAPPENED')
  })

  test('a tool without one is as before', async () => {
    const claims = account.claims()
    await provider(undefined)
    expect(await account.askVoid(claims)).toMatchObject({ state: 'VOID' })
  })
})
