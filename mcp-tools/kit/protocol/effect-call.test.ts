import { setImmediate as turn } from 'node:timers/promises'

import { GRANT_SECONDS, type GrantClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { TestAccount } from '../testing/test-account.ts'
import { createKey, writeKeySet } from '../testing/test-judge.ts'

let account: TestAccount
beforeEach(async () => {
  account = await new TestAccount().open()
})
afterEach(async () => account[Symbol.asyncDispose]())

const states = (): string[] => [...account.ledger.entries.all()].map((entry) => entry.state)

/** Round n of the same slot. */
const nextRound = (claims: GrantClaims, other: Partial<GrantClaims> = {}): GrantClaims => ({
  ...claims,
  jti: newId(),
  round: claims.round + 1,
  iat: Math.floor(account.clockMs / 1000),
  exp: Math.floor(account.clockMs / 1000) + GRANT_SECONDS,
  ...other,
})

describe('what is no outcome and leaves no entry', () => {
  const cases: readonly {
    title: string
    code: string
    change?: (claims: GrantClaims) => Partial<GrantClaims>
    args?: Record<string, unknown>
  }[] = [
    { title: 'another account', code: 'GRANT_INVALID', change: () => ({ aud: 'account-2' }) },
    { title: 'another tool', code: 'GRANT_INVALID', change: () => ({ tool: 'reply_tweet' }) },
    {
      title: 'another slot below the same key',
      code: 'GRANT_INVALID',
      change: () => ({ slot: 'x' }),
    },
    {
      title: 'another goal below the same key',
      code: 'GRANT_INVALID',
      change: () => ({ goal: 'x' }),
    },
    {
      title: 'another mode below the same key',
      code: 'GRANT_INVALID',
      change: () => ({ mode: 'dry' }),
    },
    {
      title: 'a life of more than a minute',
      code: 'GRANT_INVALID',
      change: ({ iat }) => ({ exp: iat + GRANT_SECONDS + 1 }),
    },
    { title: 'another boot', code: 'BOOT_CHANGED', change: () => ({ boot: newId() }) },
    { title: 'another ledger', code: 'BOOT_CHANGED', change: () => ({ ledger_id: newId() }) },
    {
      title: 'another life of the record',
      code: 'INCARNATION_CHANGED',
      change: () => ({ incarnation: newId() }),
    },
    { title: 'other arguments', code: 'GRANT_INVALID', args: { text: 'hello!' } },
  ]
  test.each(cases)('$title', async ({ code, change, args }) => {
    const claims = account.claims()
    const reply = await account.call({ ...claims, ...change?.(claims) }, args)
    expect(reply).toMatchObject({ status: 'NONE', code, receipt: undefined })
    expect(states()).toEqual([])
    expect(account.sent).toEqual([])
    // The grant itself is not used up: the right call still acts.
    expect(await account.call(claims)).toMatchObject({ status: 'CONFIRMED' })
  })

  test('no grant at all', async () => {
    expect(await account.callWith({ text: 'hello' })).toMatchObject({ code: 'GRANT_REQUIRED' })
    expect(states()).toEqual([])
  })

  test('a key that was dropped from the file after the grant was signed', async () => {
    const claims = account.claims()
    const jws = await account.judge.sign('grant', claims)
    writeKeySet(account.judge.jwksFile, [createKey()])
    await turn()
    expect(await account.call(claims, undefined, jws)).toMatchObject({ code: 'GRANT_INVALID' })
    writeKeySet(account.judge.jwksFile, [account.judge.key])
    await turn()
    expect(await account.call(claims, undefined, jws)).toMatchObject({ status: 'CONFIRMED' })
  })

  test('a server that is closed', async () => {
    await account.restart({ hello: false })
    const claims = account.claims()
    expect(await account.call(claims)).toMatchObject({ status: 'NONE', code: 'SERVER_CLOSED' })
    await account.hello()
    expect(await account.call(claims)).toMatchObject({ status: 'CONFIRMED' })
  })
})

describe('what is VOID, with a tombstone', () => {
  const cases: readonly {
    title: string
    code: string
    change?: (claims: GrantClaims) => Partial<GrantClaims>
    args?: Record<string, unknown>
    given?: () => void
  }[] = [
    {
      title: 'another definition of the tool',
      code: 'GRANT_INVALID',
      change: () => ({ definition_hash: 'f'.repeat(64) }),
    },
    {
      title: 'an expired grant',
      code: 'GRANT_EXPIRED',
      given: () => (account.clockMs += GRANT_SECONDS * 1000),
    },
    {
      title: 'a fence above its epoch',
      code: 'FENCED',
      given: () => account.server.control.fence({ scope: 'everything', epoch: 1, stopped: true }),
    },
    {
      title: 'a fence above its epoch, after the resume',
      code: 'FENCED',
      given: () => account.server.control.fence({ scope: 'everything', epoch: 2, stopped: false }),
    },
    {
      title: 'a stop of its agent',
      code: 'FENCED',
      given: () =>
        account.server.control.fence({ scope: 'agent:default', epoch: 1, stopped: true }),
    },
    {
      title: 'arguments that do not fit the schema',
      code: 'INPUT_INVALID',
      args: { text: 'hello', extra: 1 },
    },
    {
      title: 'a cost above its limit',
      code: 'LIMIT_EXCEEDED',
      change: () => ({ limits: { ai_label_required: true, max_cost_usd_micros: '14999' } }),
    },
    {
      title: 'a missing label',
      code: 'LIMIT_EXCEEDED',
      args: { text: 'hello', labelled: false },
    },
  ]
  test.each(cases)('$title', async ({ code, change, args = { text: 'hello' }, given }) => {
    const claims = account.claims({ args })
    const granted = { ...claims, ...change?.(claims) }
    given?.()
    const reply = await account.call(granted, args)
    expect(reply).toMatchObject({ status: 'VOID', code, receipt: { state: 'VOID', code } })
    expect(reply.receipt?.claimed_at).toBeUndefined()
    // A closed grant never claims again, whatever has changed since.
    account.server.control.fence({ scope: 'everything', epoch: 9, stopped: false })
    expect((await account.call(granted, args)).receipt?.seq).toBe(reply.receipt?.seq)
    expect(account.sent).toEqual([])
  })

  test('the cooldown, with the time to wait; a further round may act when it is over', async () => {
    await account.call(account.claims())
    account.clockMs += 60_000
    const claims = account.claims({ goal: 'second' })
    const reply = await account.call(claims)
    expect(reply).toMatchObject({ status: 'VOID', code: 'COOLDOWN_ACTIVE', retryAfterMs: 840_000 })
    expect(reply.receipt?.retry_after_ms).toBe(840_000)
    account.clockMs += 840_000
    expect(await account.call(nextRound(claims))).toMatchObject({ status: 'CONFIRMED' })
  })

  test('paper on a live back end, and live on a simulated one', async () => {
    expect(await account.call(account.claims({ mode: 'live' }))).toMatchObject({
      status: 'VOID',
      code: 'MODE_FORBIDDEN',
    })
    account.isLive = true
    await account.restart()
    expect(await account.call(account.claims())).toMatchObject({ code: 'MODE_FORBIDDEN' })
    const live = await account.call(account.claims({ mode: 'live' }))
    expect(live.receipt).toMatchObject({ state: 'CONFIRMED', simulated: false })
  })
})

describe('what this grant has come to is said', () => {
  test('even when it has expired and a fence is up', async () => {
    const claims = account.claims()
    await account.call(claims)
    account.clockMs += 3_600_000
    account.server.control.fence({ scope: 'everything', epoch: 1, stopped: true })
    expect(await account.call(claims)).toMatchObject({ status: 'CONFIRMED' })
    expect(account.sent).toHaveLength(1)
  })

  test('after a restart, when its boot has passed', async () => {
    const claims = account.claims()
    await account.call(claims)
    await account.restart()
    const reply = await account.call(claims)
    expect(reply.receipt).toMatchObject({ state: 'CONFIRMED', boot: account.ledger.boot })
    expect(account.sent).toHaveLength(1)
  })

  test('as IN_PROGRESS while it is in hand', async () => {
    account.answers.push({ kind: 'hold', next: { kind: 'accept' } })
    const claims = account.claims()
    const first = account.call(claims)
    await expect.poll(() => account.sent.length).toBe(1)
    expect(await account.call(claims)).toMatchObject({ status: 'NONE', code: 'IN_PROGRESS' })
    account.release()
    expect(await first).toMatchObject({ status: 'CONFIRMED' })
    expect(account.sent).toHaveLength(1)
  })
})

describe('a slot that another grant has', () => {
  test('an older round is SUPERSEDED, without an outcome', async () => {
    const claims = account.claims()
    account.answers.push({ kind: 'refuse' })
    await account.call(claims)
    const late = { ...claims, jti: newId() }
    await account.call(nextRound(claims))
    const reply = await account.call({ ...late, round: 1 })
    expect(reply).toMatchObject({ status: 'NONE', code: 'SUPERSEDED', receipt: undefined })
    expect(states()).toEqual(['REFUSED', 'CONFIRMED'])
  })

  test('an equal round with another id never acts, and raises an alarm', async () => {
    const claims = account.claims()
    account.answers.push({ kind: 'refuse' })
    await account.call(claims)
    const reply = await account.call({ ...claims, jti: newId() })
    expect(reply).toMatchObject({ status: 'NONE', code: 'IDEMPOTENCY_CONFLICT' })
    expect(account.alarms).toHaveLength(2)
    expect(account.sent).toHaveLength(1)
  })

  test.each(['CONFIRMED', 'UNKNOWN'] as const)('what holds it as %s is named', async (state) => {
    account.answers.push(state === 'CONFIRMED' ? { kind: 'accept' } : { kind: 'lose' })
    const claims = account.claims()
    await account.call(claims)
    account.clockMs += 3_600_000
    const reply = await account.call(nextRound(claims))
    expect(reply).toMatchObject({ status: 'NONE', code: 'IDEMPOTENCY_CONFLICT' })
    expect(reply.receipt).toMatchObject({ state, grant_id: claims.jti, round: 1 })
    expect(account.alarms).toHaveLength(1)
    expect(account.sent).toHaveLength(1)
  })

  test('a round that the record has closed makes room, but never one that happened', async () => {
    account.answers.push({ kind: 'lose' })
    const claims = account.claims()
    await account.call(claims)
    account.clockMs += 3_600_000
    const second = nextRound(claims, { closed_rounds: [1] })
    expect(await account.call(second)).toMatchObject({ status: 'CONFIRMED' })
    expect(states()).toEqual(['NOT_HAPPENED', 'CONFIRMED'])
    const third = nextRound(second, { closed_rounds: [1, 2] })
    expect(await account.call(third)).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
    expect(account.sent).toHaveLength(2)
  })

  test.each(['refuse', 'unreachable'] as const)(
    'a round that ended in %s may be followed',
    async (kind) => {
      account.answers.push({ kind })
      const claims = account.claims()
      const first = await account.call(claims)
      expect(first.status).toBe(kind === 'refuse' ? 'REFUSED' : 'NOT_SENT')
      // A definite refusal frees the cooldown, too.
      expect(await account.call(nextRound(claims))).toMatchObject({ status: 'CONFIRMED' })
    },
  )
})

describe('the second look, in the step that writes', () => {
  test('a grant that expires between claim and write is NOT_SENT', async () => {
    const claims = account.claims()
    await account.restart({
      rules: {
        claim: (ledger, about, claim) => {
          account.clockMs += GRANT_SECONDS * 1000
          return ledger.entries.claim(about, claim)
        },
      },
    })
    const fresh = account.claims({ goal: claims.goal })
    const reply = await account.call(fresh)
    expect(reply).toMatchObject({ status: 'NOT_SENT', code: 'GRANT_EXPIRED' })
    expect(account.sent).toEqual([])
  })
})

test('a provider that limits the rate is left alone until its reset, restart or not', async () => {
  account.answers.push({ kind: 'refuse', code: 'UPSTREAM_RATE_LIMITED', retryAfterMs: 120_000 })
  expect(await account.call(account.claims())).toMatchObject({ status: 'REFUSED' })
  await account.restart()
  const reply = await account.call(account.claims())
  expect(reply).toMatchObject({ status: 'VOID', code: 'COOLDOWN_ACTIVE', retryAfterMs: 120_000 })
  account.clockMs += 120_000
  expect(await account.call(account.claims())).toMatchObject({ status: 'CONFIRMED' })
})

test('a dry call is a rehearsal: confirmed, simulated, no provider, no cooldown', async () => {
  const reply = await account.call(account.claims({ mode: 'dry' }))
  expect(reply.receipt).toMatchObject({ state: 'CONFIRMED', simulated: true, cost_usd_micros: '0' })
  expect(account.sent).toEqual([])
  expect(await account.call(account.claims())).toMatchObject({ status: 'CONFIRMED' })
})

test('an object of the provider that is another effect does not confirm', async () => {
  account.answers.push({ kind: 'accept', ref: 'same' }, { kind: 'accept', ref: 'same' })
  await account.call(account.claims())
  account.clockMs += 3_600_000
  expect(await account.call(account.claims())).toMatchObject({ status: 'UNKNOWN' })
})

test('the ledger keeps the exact bytes and none of the credentials', async () => {
  const claims = account.claims()
  await account.call(claims)
  const entry = account.ledger.entries.get(claims.jti)
  expect(Buffer.from(entry.sendBody ?? []).toString()).toBe('hello')
  expect(JSON.stringify(entry)).not.toContain('secret-of-the-provider')
})

test('twenty grants at once: one passes the cooldown', async () => {
  const replies = await Promise.all(
    Array.from({ length: 20 }, async (_none, n) => account.call(account.claims({ goal: `g${n}` }))),
  )
  expect(replies.filter(({ status }) => status === 'CONFIRMED')).toHaveLength(1)
  expect(replies.filter(({ code }) => code === 'COOLDOWN_ACTIVE')).toHaveLength(19)
  expect(account.sent).toHaveLength(1)
})

test('the crash points are passed in their order', async () => {
  await account.call(account.claims())
  expect(account.crashes).toEqual([
    'tool.grant.verified',
    'tool.claim.before_commit',
    'tool.claim.committed',
    'tool.send.before',
    'tool.send.answered',
    'tool.receipt.committed',
  ])
})
