import { setTimeout as sleep } from 'node:timers/promises'

import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'
import { RULES, type Rules } from '@chimera/mcp-kit/protocol/rules'
import { TradingRig, type Said } from '@chimera/mcp-trading/testing/trading-rig'
import { expect, test } from 'vitest'

import { control, guarantee, sampleSize, seeded, type Random } from '../guarantee.ts'

/** At the mark of 50,000 it counts with 500 dollars; 1,500 of 10,000 may stand in one market. */
const ORDER = {
  symbol: 'BTC',
  side: 'buy',
  size: '0.01',
  price: '49000',
  tif: 'gtc',
  reduce_only: false,
} as const
const ROOM = 3

/** A network on which an order is under way while the next one is looked at. */
const slow = (random: Random): Partial<Rules> => ({
  send: async (given) => {
    await sleep(random.integer(0, 80))
    return RULES.send(given)
  },
})

const confirmed = (said: readonly Said[]): Said[] =>
  said.filter(({ status }) => status === 'CONFIRMED')

async function raceOrders(given: {
  n: number
  random: Random
  seen?: (ledger: Ledger) => Ledger
}): Promise<void> {
  const { n, random, seen } = given
  await using rig = new TradingRig()
  rig.rules = slow(random)
  if (seen !== undefined) rig.seen = seen
  await rig.open()
  const said = await Promise.all(
    Array.from({ length: n }, async (_, index) => {
      await sleep(random.integer(0, 50))
      return rig.call('place_order', { ...ORDER, price: String(49_000 - index) })
    }),
  )
  const open = await rig.exchange.venue.openOrders()
  expect(open, 'orders on the book').toHaveLength(ROOM)
  expect(confirmed(said)).toHaveLength(ROOM)
  const others = said.filter(({ status }) => status !== 'CONFIRMED')
  expect(new Set(others.map(({ code }) => code))).toEqual(new Set(['LIMIT_EXCEEDED']))
}

const racing = {
  id: 'trading-limits',
  title: 'racing orders fill 15 % of the equity exactly, and never more',
  n: sampleSize({ ci: 40, full: 400 }),
  seed: 11,
  timeoutMs: 120_000,
}
guarantee(racing, async ({ n, random }) => raceOrders({ n, random }))

/** Claimed, unknown and just confirmed orders are forgotten: only what the venue shows counts. */
const blind = (ledger: Ledger): Ledger => ({
  ...ledger,
  entries: { ...ledger.entries, inState: () => [], changedSince: () => [] },
})

control(
  {
    guard: 'the orders that are on their way',
    test: 'trading-limits',
    expect: /orders on the book: expected .* to have a length of 3/,
  },
  async () => raceOrders({ n: 40, random: seeded(11), seen: blind }),
)

/** Everybody orders, and in the middle somebody pulls the brake. */
async function raceKill(given: {
  n: number
  random: Random
  seenByKit?: (ledger: Ledger) => Ledger
}): Promise<void> {
  const { n, random, seenByKit } = given
  await using rig = new TradingRig()
  rig.rules = slow(random)
  if (seenByKit !== undefined) rig.seenByKit = seenByKit
  await rig.open()
  const racers = Array.from({ length: n }, async (_, index) => {
    await sleep(random.integer(0, 300))
    const order = { ...ORDER, size: '0.0003', price: String(49_000 - index) }
    return rig.call('place_order', order)
  })
  await sleep(100)
  await rig.call('raise_kill', { level: 2, reason: 'a race' })
  const before = rig.exchange.record().filter(({ path }) => path === '/exchange').length
  const said = await Promise.all(racers)
  const sentAfter = rig.exchange.record().filter(({ path }) => path === '/exchange').length - before
  // One may have been on the wire when the level rose.
  expect(sentAfter, 'sent after the brake').toBeLessThanOrEqual(1)
  const refused = said.filter(({ code }) => code === 'KILL_LEVEL')
  expect(refused.length).toBeGreaterThan(0)
  expect(confirmed(said).length + refused.length).toBe(n)
}

const braking = {
  id: 'trading-kill',
  title: 'once the kill level is up, no order that opens leaves, whatever was claimed',
  n: sampleSize({ ci: 40, full: 400 }),
  seed: 12,
  timeoutMs: 120_000,
}
guarantee(braking, async ({ n, random }) => raceKill({ n, random }))

control(
  {
    guard: 'the look at the kill level in claim and send',
    test: 'trading-kill',
    expect: /sent after the brake: expected \d+ to be less than or equal to 1/,
  },
  async () =>
    raceKill({
      n: 40,
      random: seeded(12),
      seenByKit: (ledger) => ({
        ...ledger,
        kill: { ...ledger.kill, levelFor: () => 0 },
      }),
    }),
)

test('an order whose answer was lost keeps its room until its end is known', async () => {
  await using rig = new TradingRig()
  rig.sendTimeoutMs = 1_000
  await rig.open()
  await rig.exchange.control({ fault: 'cut', times: 1 })
  expect(await rig.call('place_order', ORDER)).toMatchObject({ status: 'UNKNOWN' })
  await rig.exchange.control({ fault: 'timeout_before', times: 1 })
  expect(await rig.call('place_order', ORDER)).toMatchObject({ status: 'UNKNOWN' })
  expect(await rig.call('place_order', ORDER)).toMatchObject({ status: 'CONFIRMED' })
  expect(await rig.call('place_order', ORDER)).toMatchObject({ code: 'LIMIT_EXCEEDED' })
  await rig.settleAll()
  // One of the two had arrived and rests, the other never did.
  expect(await rig.call('place_order', ORDER)).toMatchObject({ status: 'CONFIRMED' })
  expect(await rig.call('place_order', ORDER)).toMatchObject({ code: 'LIMIT_EXCEEDED' })
  expect(await rig.exchange.venue.openOrders()).toHaveLength(ROOM)
})
