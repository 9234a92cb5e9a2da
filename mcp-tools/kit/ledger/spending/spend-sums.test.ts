import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'

import { expect, test } from 'vitest'
import { z } from 'zod'

import type { Spend } from '../../provider/exchange.ts'
import { openEntries } from '../entries.ts'
import { LEDGER_STEPS } from '../ledger-schema.ts'

const HOUR_MS = 3_600_000
const WEEK_MS = 168 * HOUR_MS
const START_MS = 1_800_000_000_000

/** The entries of a ledger without its lock and its clock. */
function openAccount(durable?: (state: { seq: number; committed: number }) => number) {
  const database = new DatabaseSync(':memory:')
  for (const step of LEDGER_STEPS) database.exec(step)
  const state = { seq: 0, committed: 0 }
  const committed = (): number => durable?.(state) ?? state.committed
  const entries = openEntries(database, () => state.seq, committed)
  const commit = (work: () => void, end: 'COMMIT' | 'ROLLBACK' = 'COMMIT'): void => {
    database.exec('BEGIN')
    state.seq += 1
    work()
    database.exec(end)
    if (end === 'COMMIT') state.committed = state.seq
    else state.seq -= 1
  }
  return { database, entries, commit }
}
type Account = ReturnType<typeof openAccount>

/** Claims and settles one payment; answers its grant. */
function pay({ entries }: Account, atMs: number, spends: readonly Spend[], isOver = true): string {
  const grantId = randomUUID()
  const about = {
    effectKey: grantId,
    round: 1,
    grantId,
    argsHash: '',
    account: 'wallet',
    tool: 'pay',
    mode: 'paper',
    scope: {},
    boot: 'b',
    incarnation: '',
    isSimulated: true,
  } as const
  entries.claim(about, {
    args: '{}',
    content: grantId,
    send: undefined,
    deadlineMs: 1_000,
    costUsdMicros: '0',
    claimedMs: atMs,
    claimedWallMs: atMs,
    facts: { from: '0xa', nonce: String(atMs - START_MS) },
    spends,
  })
  if (isOver) settle({ entries }, grantId, atMs)
  return grantId
}

function settle({ entries }: Pick<Account, 'entries'>, grantId: string, atMs: number): void {
  entries.settle(entries.get(grantId), { state: 'CONFIRMED', settledMs: atMs, leftByMs: atMs })
}

const usdc = (n: number): Spend[] => [
  { asset: 'USDC', amount: BigInt(n), usdMicros: BigInt(n), recipient: n % 2 ? 'ann' : 'bob' },
  { asset: 'ETH', amount: BigInt(n) << 64n, usdMicros: 7n },
]

const Row = z.object({ grant_id: z.string(), amount: z.string(), usd_micros: z.string() })

/** The same by reading everything. */
function added({ database }: Account, of: { asset?: string; ms: number; nowMs: number }) {
  const rows = database
    .prepare(
      `SELECT s.* FROM entries e JOIN spends s USING (grant_id) WHERE e.mode <> 'dry'
        AND (e.state IN ('CLAIMED', 'UNKNOWN') OR e.state = 'CONFIRMED' AND e.left_by_ms > :since)
        AND (:asset IS NULL OR s.asset = :asset)`,
    )
    .all({ since: of.nowMs - of.ms, asset: of.asset ?? null })
    .map((row) => Row.parse(row))
  const sum = (texts: readonly string[]) => texts.reduce((all, text) => all + BigInt(text), 0n)
  return {
    amount: of.asset === undefined ? 0n : sum(rows.map(({ amount }) => amount)),
    usdMicros: sum(rows.map((row) => row.usd_micros)),
    count: new Set(rows.map((row) => row.grant_id)).size,
  }
}

const QUESTIONS = [HOUR_MS, 24 * HOUR_MS, WEEK_MS].flatMap((ms) => [
  { ms },
  { ms, asset: 'USDC' },
  { ms, asset: 'ETH' },
])

function compare(account: Account, nowMs: number): void {
  for (const question of QUESTIONS) {
    const of = { ...question, nowMs }
    expect(account.entries.spentIn(of)).toEqual(added(account, of))
  }
}

/** A fortnight of payments, of which some come late, stay open, or are taken back. */
function liveTwoWeeks(account: Account): void {
  let open: string[] = []
  for (let n = 0; n < 80; n += 1) {
    const nowMs = START_MS + n * 4.2 * HOUR_MS
    const atMs = Math.floor(n % 7 === 3 ? nowMs - 5 * HOUR_MS : nowMs)
    account.commit(
      () => {
        const grantId = pay(account, atMs, usdc(n), n % 5 !== 0)
        // Asked within the commit, as a claim is.
        compare(account, nowMs)
        if (n % 5 === 0 && n % 11 !== 0) open.push(grantId)
      },
      n % 11 === 0 ? 'ROLLBACK' : 'COMMIT',
    )
    if (n % 10 === 9) {
      account.commit(() => open.forEach((grantId) => settle(account, grantId, Math.floor(nowMs))))
      open = []
    }
    compare(account, nowMs)
  }
}

test('a sliding sum is that of all that left within its window, whatever was taken back', () => {
  liveTwoWeeks(openAccount())
})

test('control: a sum that believes the running commit counts what was taken back', () => {
  expect(() => liveTwoWeeks(openAccount(({ seq }) => seq))).toThrow(/deeply equal/i)
})

test('a clock that was ahead, and one that is put forward, forget nothing', () => {
  const account = openAccount()
  account.commit(() => [1, 2, 3].forEach((n) => pay(account, START_MS + n, usdc(n))))
  compare(account, START_MS + 10 * WEEK_MS)
  compare(account, START_MS + 10)
  account.commit(() => account.entries.moveAlong(3 * HOUR_MS))
  compare(account, START_MS + 3.5 * HOUR_MS)
  expect(account.entries.spentIn({ ms: HOUR_MS, nowMs: START_MS + 3.5 * HOUR_MS }).count).toBe(3)
})

/**
 * CPU, which waiting for others does not change: far above what the questions of a hundred
 * transfers take, far below a table read for each.
 */
const DEADLINE_MS = 2_000

test('what a transfer asks does not take longer the more have been made', () => {
  const account = openAccount()
  const made = 3_000
  account.commit(() => {
    for (let n = 0; n < made; n += 1) pay(account, START_MS + n, usdc(n))
  })
  let nowMs = START_MS + made
  const ask = (): void => {
    account.commit(() => {
      nowMs += 1
      for (const question of QUESTIONS) account.entries.spentIn({ ...question, nowMs })
      account.entries.highestFact('nonce', { name: 'from', is: '0xa' })
      pay(account, nowMs, usdc(1))
    })
  }
  // The first question of a start reads it all.
  ask()
  const before = process.cpuUsage()
  for (let n = 0; n < 100; n += 1) ask()
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1_000).toBeLessThan(DEADLINE_MS)
  expect(account.entries.spentIn({ ms: WEEK_MS, nowMs }).count).toBe(made + 101)
  expect(account.entries.highestFact('nonce', { name: 'from', is: '0xa' })).toBe(made + 101)
})
