import { renameSync, writeFileSync } from 'node:fs'

import { HelloClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { TestAccount } from '../testing/test-account.ts'
import { createKey } from '../testing/test-judge.ts'

let account: TestAccount
beforeEach(async () => {
  account = await new TestAccount().open({ hello: false })
})
afterEach(async () => account[Symbol.asyncDispose]())

test('a server is closed until its hello, and says so', async () => {
  expect(account.status).toMatchObject({ state: 'closed' })
  expect(account.status.reason).toContain('SERVER_CLOSED')
  await account.hello()
  expect(account.status).toMatchObject({ state: 'open', incarnation: account.judge.incarnation })
  await account.restart({ hello: false })
  expect(account.status).toMatchObject({ state: 'closed' })
})

test.each([
  ['an earlier boot', { boot: newId() }, 'BOOT_CHANGED'],
  ['another ledger', { ledger_id: newId() }, 'GRANT_INVALID'],
  ['another account', { aud: 'account-2' }, 'GRANT_INVALID'],
  [
    'a record that knows a boot which the ledger lacks',
    { known_boots: [newId()] },
    'LEDGER_BEHIND',
  ],
  ['a record that has seen a higher seq', { highest_seq: 99 }, 'LEDGER_BEHIND'],
])('the hello of %s does not open it', async (_title, other, code) => {
  await expect(account.hello(other)).rejects.toMatchObject({ code })
  expect(account.status.state).toBe('closed')
  expect(await account.call(account.claims())).toMatchObject({ status: 'NONE' })
})

test('a ledger that is behind closes an open server, with its reason', async () => {
  await account.hello()
  await expect(account.hello({ highest_seq: 99 })).rejects.toMatchObject({ code: 'LEDGER_BEHIND' })
  expect(account.status.reason).toContain('seq 99')
  expect(await account.call(account.claims())).toMatchObject({ code: 'LEDGER_BEHIND' })
})

test('a hello by a key that is not in the file does not open it', async () => {
  const hello = await account.judge.hello(account.status)
  const claims: unknown = JSON.parse(Buffer.from(hello.split('.')[1] ?? '', 'base64url').toString())
  const forged = await account.judge.sign('hello', HelloClaims.parse(claims), createKey())
  await expect(account.server.control.hello(forged)).rejects.toMatchObject({
    code: 'GRANT_INVALID',
  })
})

test('the fences of the hello are merged, never lowered', async () => {
  account.server.control.fence({ scope: 'everything', epoch: 4, stopped: true })
  await account.hello({ fences: { everything: 2, 'agent:a': 7 } })
  expect(account.status).toMatchObject({
    state: 'fenced',
    fences: { everything: 4, 'agent:a': 7 },
  })
  expect(await account.call(account.claims())).toMatchObject({ code: 'FENCED' })
})

test('a ledger that was replaced under its holder closes everything', async () => {
  await account.hello()
  const [claims, other] = [account.claims(), account.claims()]
  renameSync(account.path, `${account.path}.gone`)
  writeFileSync(account.path, '')
  expect(account.status.reason).toContain('LEDGER_BEHIND')
  expect(await account.call(claims)).toMatchObject({ status: 'NONE', code: 'LEDGER_BEHIND' })
  await expect(account.askVoid(other)).rejects.toMatchObject({ code: 'LEDGER_BEHIND' })
  expect(account.sent).toEqual([])
})
