import { DatabaseSync } from 'node:sqlite'

import { META_IDEMPOTENCY_KEY } from '@chimera/contracts/grant'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { windowOf } from '../protocol/checks.ts'
import { TestAccount } from '../testing/test-account.ts'
import { ARCHIVE_AFTER_MS, ARCHIVE_BATCH } from './archive.ts'

const HOUR_MS = 3_600_000

let account: TestAccount
beforeEach(async () => {
  account = await new TestAccount().open()
})
afterEach(async () => account[Symbol.asyncDispose]())

const archiveAll = (): number => {
  const { ledger } = account
  return ledger.transact(() =>
    ledger.entries.archive(ledger.now() - ARCHIVE_AFTER_MS, ARCHIVE_BATCH),
  )
}

/** An effect a month ago, and one now, so that the first is not the last of its tool. */
async function actLongAgo() {
  const long = account.claims()
  await account.call(long)
  account.clockMs += ARCHIVE_AFTER_MS + HOUR_MS
  await account.hello()
  return long
}

test('what is long settled is archived, and everybody still knows it', async () => {
  const long = await actLongAgo()
  await account.call(account.claims())
  const before = account.ledger.entries.get(long.jti)
  expect(archiveAll()).toBe(1)
  expect(account.ledger.entries.archivedCount()).toBe(1)
  expect(account.ledger.entries.get(long.jti)).toEqual(before)
  expect(account.ledger.entries.ofKey(long.effect_key)).toEqual([before])
  expect(account.ledger.entries.byProviderRef(account.name, 'ref-1')).toEqual(before)
  expect([...account.ledger.entries.all()]).toHaveLength(2)
  // Its grant, and any later round of its slot.
  expect(await account.call(long)).toMatchObject({ status: 'CONFIRMED' })
  const next = { ...account.claims(), effect_key: long.effect_key, goal: long.goal, round: 2 }
  expect(await account.call(next)).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  expect(await account.askVoid(long)).toMatchObject({ state: 'CONFIRMED', provider_ref: 'ref-1' })
  expect(account.sent).toHaveLength(2)
})

test('what is open, young, or the last of its tool stays', async () => {
  account.answers.push({ kind: 'lose' }, { kind: 'accept' })
  account.draft = () => ({ checkWindow: () => undefined })
  await account.call(account.claims({ args: { text: 'unknown' } }), { text: 'unknown' })
  await account.call(account.claims())
  account.clockMs += ARCHIVE_AFTER_MS - HOUR_MS
  expect(archiveAll()).toBe(0)
  account.clockMs += 2 * HOUR_MS
  const last = windowOf(account.ledger).lastLeftBy('post_tweet')
  expect(archiveAll()).toBe(0)
  expect(windowOf(account.ledger).lastLeftBy('post_tweet')).toBe(last)
})

test('a recipient of long ago is not new, a window of a week does not see it', async () => {
  const spend = { asset: 'usdc', amount: 5n, usdMicros: 5n, recipient: 'bob' }
  account.draft = (text) => (text === 'pay' ? { spends: [spend] } : {})
  const sentMs = account.clockMs
  await account.call(account.claims({ args: { text: 'pay' } }), { text: 'pay' })
  account.clockMs += ARCHIVE_AFTER_MS + HOUR_MS
  await account.hello()
  await account.call(account.claims())
  expect(archiveAll()).toBe(1)
  const { firstSentTo, spent } = windowOf(account.ledger)
  expect(firstSentTo('bob')).toBe(sentMs)
  expect(spent({ asset: 'usdc', ms: 7 * 24 * HOUR_MS }).count).toBe(0)
})

test("a client's key of long ago is not used again", async () => {
  await account.restart({ grants: 'off' })
  const key = { [META_IDEMPOTENCY_KEY]: 'rent-1' }
  await account.callWith({ text: 'rent' }, key)
  account.clockMs += ARCHIVE_AFTER_MS + HOUR_MS
  await account.callWith({ text: 'other' }, { [META_IDEMPOTENCY_KEY]: 'other-1' })
  expect(archiveAll()).toBe(1)
  expect(await account.callWith({ text: 'rent' }, key)).toMatchObject({ status: 'CONFIRMED' })
  expect(account.sent).toEqual(['rent', 'other'])
})

test('batches are small', async () => {
  account.draft = () => ({ checkWindow: () => undefined })
  const { ledger } = account
  ledger.transact(() => {
    for (let n = 0; n < ARCHIVE_BATCH + 1; n += 1) {
      const claims = account.claims()
      const about = { effectKey: claims.effect_key, round: 1, grantId: claims.jti, argsHash: 'a' }
      const of = { account: account.name, tool: 'post_tweet', mode: 'paper', scope: {} } as const
      const settledMs = ledger.now()
      ledger.entries.put(
        { ...about, ...of, boot: ledger.boot, incarnation: '', isSimulated: true },
        { state: 'VOID', settledMs },
      )
    }
  })
  account.clockMs += ARCHIVE_AFTER_MS + HOUR_MS
  expect(archiveAll()).toBe(ARCHIVE_BATCH)
  expect(archiveAll()).toBe(1)
})

test('nothing gets out of a ledger but into its archive', async () => {
  const long = await actLongAgo()
  await account.call(account.claims())
  archiveAll()
  await account.close()
  using database = new DatabaseSync(account.path)
  const refused = (statement: string) =>
    expect(() => database.exec(statement)).toThrow(/ledger entry/)
  refused('DELETE FROM entries')
  refused('DELETE FROM archive')
  refused("UPDATE archive SET state = 'VOID'")
  expect(() =>
    database.exec(`INSERT INTO entries SELECT * FROM archive WHERE grant_id = '${long.jti}'`),
  ).toThrow(/the archive holds this grant/)
})
