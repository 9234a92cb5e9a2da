import type { GrantClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { TestAccount } from '../testing/test-account.ts'

/** Claim + deadline + bound of the pretended provider. */
const BOUND_MS = 10_000 + 900_000

let account: TestAccount
let claims: GrantClaims
beforeEach(async () => {
  account = await new TestAccount().open()
  account.answers.push({ kind: 'lose' })
  claims = account.claims()
  expect(await account.call(claims)).toMatchObject({ status: 'UNKNOWN' })
})
afterEach(async () => account[Symbol.asyncDispose]())

const HAPPENED = { outcome: 'happened', provider_ref: '42' } as const
const NOT_HAPPENED = { outcome: 'did_not_happen' } as const

/** Until the provider has said that it cannot tell. */
async function needHuman(): Promise<void> {
  account.clockMs += BOUND_MS
  account.looks = [{ kind: 'cannot', detail: 'two alike' }]
  await account.server.control.reconcile([claims.jti])
  expect(account.ledger.entries.get(claims.jti).state).toBe('NEEDS_HUMAN')
}

describe('a person settles', () => {
  beforeEach(needHuman)

  test('what happened, by its reference, with name and reason', async () => {
    const receipt = await account.settle(claims, HAPPENED)
    expect(receipt).toMatchObject({
      state: 'CONFIRMED',
      grant_id: claims.jti,
      provider_ref: '42',
      detail: 'Settled by owner: looked it up by hand',
    })
    expect(await account.call(claims)).toMatchObject({ status: 'CONFIRMED' })
    expect(account.sent).toHaveLength(1)
  })

  test('what did not, and the next round may act', async () => {
    expect(await account.settle(claims, NOT_HAPPENED)).toMatchObject({ state: 'NOT_HAPPENED' })
    const next = { ...account.claims({ goal: claims.goal }), round: 2, closed_rounds: [1] }
    expect(await account.call(next)).toMatchObject({ status: 'CONFIRMED' })
  })

  test('while everything is stopped', async () => {
    account.server.control.fence({ scope: 'everything', epoch: 3, stopped: true })
    expect(await account.settle(claims, NOT_HAPPENED)).toMatchObject({ state: 'NOT_HAPPENED' })
  })

  test('once: carried again it is answered the same, and another word is refused', async () => {
    const first = await account.settle(claims, HAPPENED)
    expect((await account.settle(claims, HAPPENED)).seq).toBe(first.seq)
    for (const other of [NOT_HAPPENED, { ...HAPPENED, provider_ref: '43' }]) {
      await expect(account.settle(claims, other)).rejects.toMatchObject({ code: 'SETTLE_REFUSED' })
    }
    expect(account.ledger.entries.get(claims.jti).state).toBe('CONFIRMED')
  })

  test.each([
    ['of another grant', { grant_id: newId() }, 'SETTLE_REFUSED'],
    ['of another round', { round: 2 }, 'SETTLE_REFUSED'],
    ['of another slot', { effect_key: 'f'.repeat(64) }, 'SETTLE_REFUSED'],
    ['of other arguments', { args_hash: 'f'.repeat(64) }, 'SETTLE_REFUSED'],
    ['for another account', { aud: 'account-2' }, 'GRANT_INVALID'],
    ['for another start', { boot: newId() }, 'BOOT_CHANGED'],
    ['of another life of the record', { incarnation: newId() }, 'INCARNATION_CHANGED'],
  ])('nothing with a word %s', async (_title, other, code) => {
    await expect(account.settle(claims, { ...NOT_HAPPENED, ...other })).rejects.toMatchObject({
      code,
    })
    expect(account.ledger.entries.get(claims.jti).state).toBe('NEEDS_HUMAN')
  })

  test('nothing with a reference that is missing, or another effect’s', async () => {
    account.answers.push({ kind: 'accept', ref: '7' })
    await account.call(account.claims({ goal: 'other' }))
    for (const ref of [{}, { provider_ref: '7' }]) {
      const word = { outcome: 'happened', ...ref } as const
      await expect(account.settle(claims, word)).rejects.toMatchObject({ code: 'SETTLE_REFUSED' })
    }
  })
})

test('what the provider may still tell is not for a person', async () => {
  await expect(account.settle(claims, NOT_HAPPENED)).rejects.toMatchObject({
    code: 'SETTLE_REFUSED',
  })
  account.clockMs += BOUND_MS - 1
  await expect(account.settle(claims, NOT_HAPPENED)).rejects.toThrow('1 s more')
  account.clockMs += 1
  expect(await account.settle(claims, NOT_HAPPENED)).toMatchObject({ state: 'NOT_HAPPENED' })
})

test('what is in hand is not for a person either', async () => {
  account.clockMs += 900_000
  account.answers.push({ kind: 'hold', next: { kind: 'accept' } })
  const held = account.claims({ goal: 'held' })
  const call = account.call(held)
  await expect.poll(() => account.sent.length).toBe(2)
  await expect(account.settle(held, NOT_HAPPENED)).rejects.toMatchObject({ code: 'IN_PROGRESS' })
  account.release()
  await call
})

test('a settlement is no void, and a void no settlement', async () => {
  const settlement = await account.judge.settle(account.status, claims, NOT_HAPPENED)
  await expect(account.server.control.voidGrant(settlement)).rejects.toMatchObject({
    code: 'GRANT_INVALID',
  })
  const question = await account.judge.voidOf(account.status, claims)
  await expect(account.server.control.settle(question)).rejects.toMatchObject({
    code: 'GRANT_INVALID',
  })
})

test('a round that is known by name only ends with a person, after its bound', async () => {
  const strange = account.claims({ boot: newId(), goal: 'strange' })
  expect(await account.askVoid(strange)).toMatchObject({ state: 'UNKNOWN' })
  await account.server.control.reconcile([strange.jti])
  expect(account.ledger.entries.get(strange.jti).state).toBe('UNKNOWN')
  account.clockMs += 960_000
  await account.server.control.reconcile([strange.jti])
  expect(account.ledger.entries.get(strange.jti).state).toBe('NEEDS_HUMAN')
})
