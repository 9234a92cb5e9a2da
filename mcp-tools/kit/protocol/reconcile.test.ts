import type { GrantClaims } from '@chimera/contracts/grant'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { TestAccount } from '../testing/test-account.ts'

/** Claim + deadline + bound of the pretended provider. */
const BOUND_MS = 10_000 + 900_000
const APART_MS = 60_000

let account: TestAccount
let claims: GrantClaims
beforeEach(async () => {
  account = await new TestAccount().open()
  account.answers.push({ kind: 'lose' })
  claims = account.claims()
  expect(await account.call(claims)).toMatchObject({ status: 'UNKNOWN' })
})
afterEach(async () => account[Symbol.asyncDispose]())

/** Asks like the Keeper; a look happens only when one is due. */
async function look(...looks: typeof account.looks): Promise<string> {
  account.looks.push(...looks)
  const { receipts } = await account.server.control.reconcile([claims.jti])
  return (await account.judge.read(receipts[0] ?? '')).state
}

test('what is found is CONFIRMED, at any time, and a late grant says so', async () => {
  expect(await look({ kind: 'found', providerRef: '42' })).toBe('CONFIRMED')
  expect(await account.call(claims)).toMatchObject({ status: 'CONFIRMED' })
  expect(account.sent).toHaveLength(1)
})

test('what is not seen before the bound proves nothing, however often', async () => {
  for (let step = 0; step < 5; step += 1) {
    expect(await look({ kind: 'unseen' })).toBe('UNKNOWN')
    account.clockMs += 120_000
  }
  expect(account.ledger.entries.get(claims.jti).unseenLooks).toBe(0)
})

test('absence takes two looks after the bound, a while apart', async () => {
  account.clockMs += BOUND_MS
  expect(await look({ kind: 'unseen' })).toBe('UNKNOWN')
  account.clockMs += APART_MS
  expect(await look({ kind: 'unseen' })).toBe('NOT_HAPPENED')
})

test('a restart keeps the first look', async () => {
  account.clockMs += BOUND_MS
  expect(await look({ kind: 'unseen' })).toBe('UNKNOWN')
  await account.restart()
  // Looked at again at once, but too soon after the first to count.
  expect(await look({ kind: 'unseen' })).toBe('UNKNOWN')
  account.clockMs += APART_MS
  expect(await look({ kind: 'unseen' })).toBe('NOT_HAPPENED')
})

test('a provider that cannot be asked settles nothing', async () => {
  account.clockMs += 10 * BOUND_MS
  expect(await look({ kind: 'not_yet' })).toBe('UNKNOWN')
})

test('what the provider cannot tell is for a person, after the bound', async () => {
  const cannot = { kind: 'cannot', detail: 'two alike' } as const
  expect(await look(cannot)).toBe('UNKNOWN')
  account.clockMs += BOUND_MS
  expect(await look(cannot)).toBe('NEEDS_HUMAN')
})

test('an object that is another effect already does not confirm', async () => {
  account.clockMs += 900_000
  account.answers.push({ kind: 'accept', ref: '42' })
  await account.call(account.claims({ goal: 'other' }))
  expect(await look({ kind: 'found', providerRef: '42' })).toBe('UNKNOWN')
})

test('while unknown it keeps the cooldown, and its slot', async () => {
  expect(await account.call(account.claims())).toMatchObject({ code: 'COOLDOWN_ACTIVE' })
  account.clockMs += 900_000
  expect(await account.call(account.claims())).toMatchObject({ status: 'CONFIRMED' })
})

test('looks are not repeated before they are due', async () => {
  expect(await look({ kind: 'unseen' })).toBe('UNKNOWN')
  account.looks.push({ kind: 'found', providerRef: '42' })
  const { next_in_ms: nextInMs } = await account.server.control.reconcile(undefined)
  expect(nextInMs).toBeGreaterThan(0)
  expect(account.looks).toHaveLength(1)
  account.clockMs += nextInMs ?? 0
  expect(await look()).toBe('CONFIRMED')
})

test('a connection that outlived its deadline moves the bound', async () => {
  account.clockMs += 900_000
  account.answers.push({ kind: 'hold', next: { kind: 'lose' } })
  const paused = account.claims({ goal: 'paused' })
  const call = account.call(paused)
  await expect.poll(() => account.sent.length).toBe(2)
  account.clockMs += 300_000
  account.release()
  expect(await call).toMatchObject({ status: 'UNKNOWN' })
  claims = paused
  account.looks = [{ kind: 'unseen' }]
  account.clockMs += BOUND_MS - 20_000
  await look({ kind: 'unseen' })
  expect(account.ledger.entries.get(paused.jti).unseenLooks).toBe(0)
  account.clockMs += APART_MS
  await look({ kind: 'unseen' }, { kind: 'unseen' })
  expect(account.ledger.entries.get(paused.jti).unseenLooks).toBe(1)
})
