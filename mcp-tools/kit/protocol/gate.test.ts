import { renameSync, writeFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'

import { HelloClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { openLedger } from '../ledger/ledger.ts'
import { TestAccount } from '../testing/test-account.ts'
import { createKey } from '../testing/test-judge.ts'
import { createGate } from './gate.ts'
import { RULES } from './rules.ts'

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
])('the hello of %s does not open it', async (_title, other, code) => {
  await expect(account.hello(other)).rejects.toMatchObject({ code })
  expect(account.status.state).toBe('closed')
  expect(await account.call(account.claims())).toMatchObject({ status: 'NONE' })
})

test.each([
  ['knows a boot which the ledger lacks', { known_boots: [newId()] }, 'LEDGER_BEHIND: '],
  ['has seen a higher seq', { highest_seq: 99 }, 'LEDGER_BEHIND: '],
  ['has another clock', { iat: Math.floor(Date.now() / 1000) - 30 }, 'CLOCK_JUMP: '],
])(
  'the hello of a record that %s does not open it, and the answer says why',
  async (_title, other, reason) => {
    await account.hello(other)
    expect(account.status).toMatchObject({
      state: 'closed',
      reason: expect.stringContaining(reason),
    })
    expect(await account.call(account.claims())).toMatchObject({ status: 'NONE' })
    await account.hello()
    expect(account.status.state).toBe('open')
  },
)

test('a ledger of another account stays closed, and is never adopted', async () => {
  await account.hello()
  await account.close()
  using ledger = openLedger({ path: account.path, account: 'account-2' })
  const gate = createGate({
    ledger,
    account: 'account-2',
    keys: { find: () => undefined, holds: () => false },
    rules: RULES,
    alarm: () => {},
  })
  expect(gate.state()).toMatchObject({ isOpen: false, code: 'WRONG_ACCOUNT' })
  expect(gate.isBehind()).toBe(false)
})

test('a ledger that is behind closes an open server, with its reason', async () => {
  await account.hello()
  await account.hello({ highest_seq: 99 })
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
  await turn()
  expect(account.status.reason).toContain('LEDGER_BEHIND')
  expect(await account.call(claims)).toMatchObject({ status: 'NONE', code: 'LEDGER_BEHIND' })
  await expect(account.askVoid(other)).rejects.toMatchObject({ code: 'LEDGER_BEHIND' })
  expect(account.sent).toEqual([])
})

describe('a clock that jumps', () => {
  beforeEach(async () => account.hello())

  test.each([3_600_000, -3_600_000])('by %d ms closes it until a hello agrees', async (jumpMs) => {
    account.jumpMs = jumpMs
    expect(await account.call(account.claims())).toMatchObject({ code: 'CLOCK_JUMP' })
    expect(account.status.reason).toContain('CLOCK_JUMP')
    account.jumpMs = 0
    // What was once wrong may have been wrong for longer than anybody saw.
    expect(account.status.state).toBe('closed')
    await account.hello()
    expect(await account.call(account.claims())).toMatchObject({ status: 'CONFIRMED' })
  })

  test('by less than 5 s is none', async () => {
    account.jumpMs = 4_900
    expect(await account.call(account.claims())).toMatchObject({ status: 'CONFIRMED' })
  })

  test('between the claim and the write is seen before the write', async () => {
    await account.restart({
      rules: {
        send: async (options) => {
          account.jumpMs = -6_000
          const refusal = options.maySend()
          if (refusal === undefined) throw new Error('it would have been written')
          return { kind: 'not_sent', refusal }
        },
      },
    })
    expect(await account.call(account.claims())).toMatchObject({
      status: 'NOT_SENT',
      code: 'CLOCK_JUMP',
    })
  })

  test('back, and a hello that agrees, lets new grants act and old ones not', async () => {
    const old = account.claims({ goal: 'old' })
    account.jumpMs = -3_600_000
    await account.hello()
    expect(await account.call(old)).toMatchObject({ status: 'NONE', code: 'CLOCK_JUMP' })
    expect(await account.call(account.claims())).toMatchObject({ status: 'CONFIRMED' })
  })

  test('forward ends no bound: what is open is counted from later', async () => {
    account.answers.push({ kind: 'lose' })
    const claims = account.claims()
    await account.call(claims)
    account.jumpMs = 3_600_000
    const unseen = { kind: 'unseen' } as const
    const look = async (): Promise<string> => {
      account.looks = [unseen]
      const { receipts } = await account.server.control.reconcile([claims.jti])
      return (await account.judge.read(receipts[0] ?? '')).state
    }
    await expect(look()).rejects.toMatchObject({ code: 'CLOCK_JUMP' })
    await account.hello()
    for (let k = 0; k < 3; k += 1) {
      expect(await look()).toBe('UNKNOWN')
      account.clockMs += 61_000
    }
    account.clockMs += 910_000
    await look()
    account.clockMs += 61_000
    expect(await look()).toBe('NOT_HAPPENED')
  })
})

describe('a record that forgot what it had opened', () => {
  let firstBoot: string
  beforeEach(async () => {
    await account.hello()
    firstBoot = account.ledger.boot
    await account.restart({ hello: false })
  })

  test('closes the server, raises its own fence and an alarm, once', async () => {
    for (let k = 0; k < 3; k += 1) await account.hello({ known_boots: [account.ledger.boot] })
    expect(account.status).toMatchObject({
      state: 'closed',
      reason: expect.stringContaining('RECORD_BEHIND'),
      fences: { everything: 1 },
    })
    expect(account.alarms).toHaveLength(1)
    expect(await account.call(account.claims())).toMatchObject({ code: 'RECORD_BEHIND' })
  })

  test('is not believed after a restart either, whatever it knows by then', async () => {
    await account.hello({ known_boots: [account.ledger.boot] })
    await account.restart({ hello: false })
    await account.hello({ known_boots: [firstBoot, account.ledger.boot] })
    expect(account.status.reason).toContain('RECORD_BEHIND')
  })

  test('is another one after a declared restore', async () => {
    await account.hello({ known_boots: [account.ledger.boot] })
    account.judge.incarnation = newId()
    await account.hello({ known_boots: [account.ledger.boot] })
    expect(account.status).toMatchObject({ state: 'fenced', fences: { everything: 1 } })
    account.server.control.fence({ scope: 'everything', epoch: 2, stopped: false })
    expect(account.status).toMatchObject({ state: 'open' })
  })

  test('is gone on with when a person resumes, and asked no more about those boots', async () => {
    const known = { known_boots: [account.ledger.boot] }
    await account.hello(known)
    account.server.control.fence({ scope: 'everything', epoch: 1, stopped: false })
    await account.hello(known)
    expect(account.status.reason).toContain('RECORD_BEHIND')
    account.server.control.fence({ scope: 'everything', epoch: 2, stopped: false })
    await account.hello(known)
    expect(account.status).toMatchObject({ state: 'open' })
    await account.restart({ hello: false })
    await account.hello({ known_boots: [account.ledger.boot] })
    expect(account.status.reason).toContain('RECORD_BEHIND')
  })

  test('does not count boots that it never opened', async () => {
    await account.restart({ hello: false })
    await account.hello({ known_boots: [firstBoot, account.ledger.boot] })
    expect(account.status).toMatchObject({ state: 'open' })
  })

  test('and grants a round again, is doubted', async () => {
    await account.hello()
    const claims = account.claims()
    await account.call(claims)
    expect(await account.call({ ...claims, jti: newId() })).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      receipt: { grant_id: claims.jti, state: 'CONFIRMED' },
    })
    expect(account.status).toMatchObject({ reason: expect.stringContaining('RECORD_BEHIND') })
    expect(await account.call(account.claims())).toMatchObject({ code: 'RECORD_BEHIND' })
    expect(account.sent).toHaveLength(1)
  })

  test('a late grant of an earlier life of the record is no such sign', async () => {
    await account.hello()
    const claims = account.claims()
    await account.call(claims)
    await account.call({ ...claims, jti: newId(), incarnation: newId() })
    expect(account.status).toMatchObject({ state: 'open' })
  })
})
