import { rmSync } from 'node:fs'

import type { GrantClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { TestAccount } from '../testing/test-account.ts'

/** Of the pretended provider. */
const ABSENCE_MS = 900_000
const DEADLINE_MS = 10_000
/** How long after its grant an effect can have been claimed: its life, and what a clock is off. */
const LATEST_CLAIM_MS = 65_000

const args = { text: 'hello' }

let account: TestAccount
beforeEach(async () => {
  account = await new TestAccount().open()
})
afterEach(async () => account[Symbol.asyncDispose]())

/** A new file in the place of the old one, and a hello of a record that knows the old one. */
async function loseLedger(): Promise<void> {
  await account.close()
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${account.path}${suffix}`, { force: true })
  await account.open()
  expect(account.status.reason).toContain('LEDGER_BEHIND')
}

const adopted = (claims: GrantClaims, other: Parameters<typeof account.judge.adopted>[2] = {}) =>
  account.judge.adopted(claims, args, other)

const stateOf = (claims: GrantClaims): string | undefined =>
  account.ledger.entries.byGrant(claims.jti)?.state

async function look(...looks: typeof account.looks): Promise<void> {
  account.looks = looks
  await account.server.control.reconcile(undefined)
}

describe('a lost ledger', () => {
  test('is rebuilt, looked up and opened at the next hello, and nothing acts twice', async () => {
    const claims = account.claims()
    await account.call(claims)
    await loseLedger()
    expect(await account.call(claims)).toMatchObject({ status: 'NONE', code: 'LEDGER_BEHIND' })
    await account.adopt({ highest_seq: 40, effects: [adopted(claims)] })
    expect(account.status.reason).toContain('1 adopted effects are still UNKNOWN')
    expect(account.status.ledger.seq).toBeGreaterThan(40)
    await account.hello({ highest_seq: 40 })
    expect(account.status.state).toBe('closed')
    await look({ kind: 'found', providerRef: '42' })
    expect(stateOf(claims)).toBe('CONFIRMED')
    expect(account.status).toMatchObject({ state: 'closed' })
    await account.hello({ highest_seq: 40 })
    expect(account.status).toMatchObject({ state: 'open' })
    expect(await account.call(claims)).toMatchObject({
      status: 'CONFIRMED',
      receipt: { provider_ref: '42', cost_usd_micros: '15000' },
    })
    expect(account.sent).toHaveLength(1)
  })

  test('does not know how far the brake was pulled, so that nothing is opened', async () => {
    const level = () => account.ledger.kill.current().level
    await loseLedger()
    expect(level()).toBe(0)
    await account.adopt({ highest_seq: 40, effects: [] })
    expect(level()).toBe(2)
    const to = { level: 4, reason: 'smoke', actor: 'ann' }
    account.server.control.kill.set({ ...to, mayLower: false })
    await account.adopt({ highest_seq: 40, effects: [] })
    expect(level()).toBe(4)
  })

  test('waits through a restart for what is still unknown', async () => {
    const claims = account.claims()
    await loseLedger()
    await account.adopt({ effects: [adopted(claims)] })
    await account.restart()
    expect(account.status.reason).toContain('1 adopted effects')
    await look({ kind: 'found', providerRef: '42' })
    await account.hello()
    expect(account.status).toMatchObject({ state: 'open' })
  })

  test('counts absence from the last moment at which a grant can have left', async () => {
    const claims = account.claims()
    await loseLedger()
    await account.adopt({ effects: [adopted(claims)] })
    account.clockMs = claims.iat * 1000 + LATEST_CLAIM_MS + DEADLINE_MS + ABSENCE_MS - 1
    await look({ kind: 'unseen' })
    expect(account.ledger.entries.get(claims.jti).unseenLooks).toBe(0)
    for (let k = 0; k < 2; k += 1) {
      account.clockMs += 60_001
      await look({ kind: 'unseen' })
    }
    expect(stateOf(claims)).toBe('NOT_HAPPENED')
  })

  test('opens with what a person has to settle, and that holds its slot', async () => {
    const claims = account.claims()
    await loseLedger()
    await account.adopt({ effects: [adopted(claims, { state: 'NEEDS_HUMAN' })] })
    account.clockMs += 2 * ABSENCE_MS
    await look({ kind: 'cannot', detail: 'two alike' })
    await account.hello()
    expect(account.status).toMatchObject({ state: 'open' })
    const next = { ...account.claims({ goal: claims.goal }), round: 2 }
    expect(await account.call(next)).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
    expect(await account.settle(claims, { outcome: 'did_not_happen' })).toMatchObject({
      state: 'NOT_HAPPENED',
    })
  })

  test('has its cooldown and its references again', async () => {
    const claims = account.claims()
    await account.call(claims)
    const settled_at = new Date(account.clockMs).toISOString()
    await loseLedger()
    const known = { state: 'CONFIRMED', provider_ref: '42', settled_at } as const
    await account.adopt({ effects: [adopted(claims, known)] })
    await account.hello()
    expect(account.status).toMatchObject({ state: 'open' })
    expect(await account.call(account.claims())).toMatchObject({ code: 'COOLDOWN_ACTIVE' })
    expect(account.ledger.entries.byProviderRef(account.name, '42')?.grantId).toBe(claims.jti)
  })

  test('does not look for a rehearsal', async () => {
    const claims = account.claims({ mode: 'dry' })
    await loseLedger()
    await account.adopt({ effects: [adopted(claims)] })
    expect(stateOf(claims)).toBe('VOID')
  })

  test('leaves to a person what it could not look for', async () => {
    const claims = account.claims()
    await loseLedger()
    await account.adopt({ effects: [adopted(claims, { args: { text: 'other words' } })] })
    expect(stateOf(claims)).toBe('NEEDS_HUMAN')
    expect(account.alarms).toHaveLength(1)
  })

  test('proves nothing by what it lacks: a grant of a lost boot is UNKNOWN', async () => {
    const lost = account.claims()
    await loseLedger()
    await account.adopt()
    await account.hello()
    expect(await account.askVoid(lost)).toMatchObject({ state: 'UNKNOWN' })
    const mine = account.claims()
    expect(await account.askVoid(mine)).toMatchObject({ state: 'VOID' })
  })
})

describe('an older copy', () => {
  test('learns the end of what it knew the beginning of', async () => {
    account.answers.push({ kind: 'lose' })
    const known = account.claims()
    await account.call(known)
    account.clockMs += ABSENCE_MS
    const open = account.claims({ goal: 'open' })
    account.answers.push({ kind: 'lose' })
    await account.call(open)
    await account.hello({ highest_seq: 99 })
    const confirmed = { state: 'CONFIRMED', provider_ref: '42' } as const
    await account.adopt({
      highest_seq: 99,
      effects: [adopted(known, confirmed), adopted({ ...open, iat: 1 }, { state: 'UNKNOWN' })],
    })
    expect(stateOf(known)).toBe('CONFIRMED')
    expect(account.status.reason).toContain('1 adopted effects')
    // Its own claim is what counts, not what the record guesses.
    expect(account.ledger.entries.get(open.jti).claimedMs).toBe(account.clockMs)
  })

  test('leaves to a person what the record holds for a person', async () => {
    account.answers.push({ kind: 'lose' })
    const known = account.claims()
    await account.call(known)
    await account.hello({ highest_seq: 99 })
    const held = adopted(known, { state: 'NEEDS_HUMAN', args: {} })
    await account.adopt({ highest_seq: 99, effects: [held] })
    expect(stateOf(known)).toBe('NEEDS_HUMAN')
  })

  test('closes a round that the record has left behind', async () => {
    account.answers.push({ kind: 'lose' })
    const first = account.claims()
    await account.call(first)
    await account.hello({ highest_seq: 99 })
    const second = { ...account.claims({ goal: first.goal }), round: 2 }
    await account.adopt({ effects: [adopted(second)] })
    expect([stateOf(first), stateOf(second)]).toEqual(['NOT_HAPPENED', 'UNKNOWN'])
  })

  test('keeps what it knows better, with an alarm', async () => {
    const claims = account.claims()
    await account.call(claims)
    await account.hello({ highest_seq: 99 })
    const same = { ...claims, jti: newId() }
    const next = { ...claims, jti: newId(), round: 2 }
    await account.adopt({ effects: [adopted(same), adopted(next)] })
    expect([...account.ledger.entries.all()]).toMatchObject([{ grantId: claims.jti }])
    expect(account.alarms).toHaveLength(2)
  })
})

describe('what is not adopted', () => {
  test('a word for another account, start or ledger', async () => {
    await loseLedger()
    for (const [other, code] of [
      [{ aud: 'account-2' }, 'WRONG_ACCOUNT'],
      [{ boot: newId() }, 'BOOT_CHANGED'],
      [{ ledger_id: newId() }, 'BOOT_CHANGED'],
    ] as const) {
      await expect(account.adopt(other)).rejects.toMatchObject({ code })
    }
    expect(account.ledger.boots.all()).toHaveLength(1)
  })

  test('anything by a server that is not behind', async () => {
    const claims = account.claims()
    await account.adopt({ effects: [adopted(claims)] })
    expect(account.status).toMatchObject({ state: 'open' })
    expect(stateOf(claims)).toBeUndefined()
  })

  test('anything while the time is not certain', async () => {
    await loseLedger()
    account.jumpMs = 60_000
    await expect(account.adopt()).rejects.toMatchObject({ code: 'CLOCK_JUMP' })
  })
})

describe('more than one word holds', () => {
  const PAGES = 3
  const granted = () => {
    const claims = account.claims()
    return { claims, effect: adopted(claims) }
  }
  const page = (n: number, jti: string, effects: ReturnType<typeof adopted>[]) =>
    account.adopt({ jti, page: { n, of: PAGES }, effects, highest_seq: 40 })

  test('is behind until the last page, whatever is known by then', async () => {
    const rounds = Array.from({ length: PAGES }, granted)
    await loseLedger()
    const jti = newId()
    for (const [n, { effect }] of rounds.entries()) {
      expect(account.status.reason).toContain('LEDGER_BEHIND')
      await page(n + 1, jti, [effect])
      if (n === PAGES - 1) break
      // What came so far is found: no hello opens a ledger that knows a part of it.
      await look({ kind: 'found', providerRef: `ref-${n}` })
      await account.hello({ highest_seq: 40 })
      expect(account.status.reason).toContain('LEDGER_BEHIND: the ledger lacks the boot')
    }
    await look({ kind: 'found', providerRef: 'ref-last' })
    await account.hello({ highest_seq: 40 })
    expect(account.status).toMatchObject({ state: 'open' })
    const states = rounds.map(({ claims }) => stateOf(claims))
    expect(states).toEqual(['CONFIRMED', 'CONFIRMED', 'CONFIRMED'])
  })

  test('is not adopted by its last page alone', async () => {
    const { claims, effect } = granted()
    await loseLedger()
    await expect(page(PAGES, newId(), [effect])).rejects.toThrow('page 1 is due')
    const jti = newId()
    await page(1, jti, [])
    await expect(page(PAGES, jti, [effect])).rejects.toThrow('page 2 is due')
    await expect(page(2, newId(), [effect])).rejects.toThrow('page 1 is due')
    expect(stateOf(claims)).toBeUndefined()
    expect(account.status.reason).toContain('LEDGER_BEHIND')
  })

  test('is carried again from the first after a restart', async () => {
    const { claims, effect } = granted()
    await loseLedger()
    await page(1, newId(), [effect])
    await account.restart()
    const jti = newId()
    await expect(page(2, jti, [])).rejects.toThrow('page 1 is due')
    for (let n = 1; n <= PAGES; n += 1) await page(n, jti, n === 1 ? [effect] : [])
    expect(stateOf(claims)).toBe('UNKNOWN')
    expect(account.status.reason).toContain('1 adopted effects')
  })

  test('thousands of them are written, counted and looked up in seconds', async () => {
    const n = 1_000
    const rounds = Array.from({ length: n }, granted)
    await loseLedger()
    const jti = newId()
    const size = Math.ceil(n / PAGES)
    for (let k = 0; k < PAGES; k += 1) {
      const effects = rounds.slice(k * size, (k + 1) * size).map(({ effect }) => effect)
      await page(k + 1, jti, effects)
    }
    expect(account.status.reason).toContain(`${n} adopted effects`)
    await look(...rounds.map((_, k) => ({ kind: 'found', providerRef: `ref-${k}` }) as const))
    expect(account.ledger.entries.adoptedUnknown()).toBe(0)
    await account.hello({ highest_seq: 40 })
    expect(account.status).toMatchObject({ state: 'open' })
  }, 30_000)
})
