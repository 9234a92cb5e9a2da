import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { GrantClaims, ReceiptClaims } from '@chimera/contracts/grant'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { TradingRig } from './trading-rig.ts'

const rig = new TradingRig()
beforeAll(async () => {
  await rig.startExchange()
  await rig.startTool()
})
beforeEach(async () => rig.tell({ fault: 'none', timeline_delay_ms: 0 }))
afterAll(async () => rig[Symbol.asyncDispose]())

const BUY = {
  symbol: 'BTC',
  side: 'buy',
  size: '0.001',
  price: '50500',
  tif: 'ioc',
  reduce_only: false,
}
const REST = { ...BUY, price: '45000', tif: 'gtc' }

/** What each mutating tool is asked to do, and what has to be there before. */
const TOOLS = {
  place_order: { type: 'order', before: async () => undefined, args: async () => BUY },
  close_position: {
    type: 'order',
    before: async () => done('place_order', BUY),
    args: async () => ({ symbol: 'BTC', size: '0.001', price: '49500' }),
  },
  cancel_order: {
    type: 'cancel',
    before: async () => done('place_order', REST),
    args: async () => ({
      symbol: 'BTC',
      order_id: (await rig.venue.openOrders()).map(({ oid }) => oid)[0],
    }),
  },
  cancel_all: {
    type: 'cancel',
    before: async () => done('place_order', REST),
    args: async () => ({}),
  },
} as const

async function done(tool: string, args: Record<string, unknown>): Promise<void> {
  const claims = rig.claims({ tool, args })
  expect(await rig.call(claims, args)).toMatchObject({ status: 'CONFIRMED' })
}

/** Carries one grant while the exchange misbehaves, and says what it came to. */
async function meet(tool: keyof typeof TOOLS, fault: 'cut' | 'hang' | '5xx_after' | '5xx') {
  const { type, before, args: argsOf } = TOOLS[tool]
  await before()
  const args = await argsOf()
  const taken = rig.taken(type).length
  await rig.tell({ fault })
  const claims = rig.claims({ tool, args })
  const reply = await rig.call(claims, args)
  const settled = reply.status === 'UNKNOWN' ? await rig.settled(claims.jti) : reply.receipt
  return { claims, args, reply, settled, more: () => rig.taken(type).length - taken }
}

const nextRound = (claims: GrantClaims, args: Record<string, unknown>): GrantClaims => ({
  ...rig.claims({ tool: claims.tool, args, goal: claims.goal }),
  round: 2,
  closed_rounds: [1],
})
const stateOf = (receipt: ReceiptClaims | undefined) => receipt?.state

const NAMES = ['place_order', 'close_position', 'cancel_order', 'cancel_all'] as const

describe.each(NAMES)('%s', (tool) => {
  test.each(['cut', 'hang', '5xx_after'] as const)(
    '%s: UNKNOWN, then found, done once',
    async (fault) => {
      const { claims, args, reply, settled, more } = await meet(tool, fault)
      expect(reply).toMatchObject({ isError: true, status: 'UNKNOWN', code: 'OUTCOME_UNKNOWN' })
      expect(stateOf(settled)).toBe('CONFIRMED')
      expect(await rig.call(claims, args)).toMatchObject({ status: 'CONFIRMED' })
      expect(more()).toBe(1)
    },
  )

  test('5xx: UNKNOWN, then absent, and the next round does it once', async () => {
    const { claims, args, settled, more } = await meet(tool, '5xx')
    expect(stateOf(settled)).toBe('NOT_HAPPENED')
    expect(more()).toBe(0)
    expect(await rig.call(nextRound(claims, args), args)).toMatchObject({ status: 'CONFIRMED' })
    expect(more()).toBe(1)
  })
})

test('the receipt of a filled order says its price, and the mark that was expected', async () => {
  const claims = rig.claims({ tool: 'place_order', args: BUY })
  const { receipt } = await rig.call(claims, BUY)
  expect(receipt).toMatchObject({
    state: 'CONFIRMED',
    facts: { state: 'filled', side: 'buy', mark_price: '50000' },
  })
  const average = Number(receipt?.facts?.['average_price'])
  expect(average).toBeGreaterThan(49_900)
  expect(average).toBeLessThanOrEqual(50_500)
})

test('an order that was rejected inside of ok is an error, its slot free again', async () => {
  await rig.tell({ fault: 'reject_inside' })
  const claims = rig.claims({ tool: 'place_order', args: BUY })
  expect(await rig.call(claims, BUY)).toMatchObject({ isError: true, status: 'REFUSED' })
  expect(await rig.call(nextRound(claims, BUY), BUY)).toMatchObject({ status: 'CONFIRMED' })
})

test('a node that lags does not make an order absent', async () => {
  await rig.tell({ fault: 'cut', timeline_delay_ms: 1_200 })
  const claims = rig.claims({ tool: 'place_order', args: BUY })
  expect(await rig.call(claims, BUY)).toMatchObject({ status: 'UNKNOWN' })
  expect(await rig.settled(claims.jti)).toMatchObject({ state: 'CONFIRMED' })
})

test('an order that arrives after its expiry is not done', async () => {
  const taken = rig.taken().length
  await rig.tell({ fault: 'late', delay_ms: 2_800 })
  const claims = rig.claims({ tool: 'place_order', args: BUY })
  expect(await rig.call(claims, BUY)).toMatchObject({ status: 'UNKNOWN' })
  expect(await rig.settled(claims.jti)).toMatchObject({ state: 'NOT_HAPPENED' })
  expect(rig.taken()).toHaveLength(taken)
})

test('the key of the account is found nowhere, and would be found', async () => {
  await done('place_order', BUY)
  await rig.call(rig.claims({ tool: 'place_order', args: {} }), {})
  expect(await rig.placesOfTheKey()).toEqual([])
  writeFileSync(join(rig.folder, 'leak.txt'), `key=${rig.env()['SIMULATED_EXCHANGE_KEY']}`)
  expect(await rig.placesOfTheKey()).toEqual([join(rig.folder, 'leak.txt')])
})

test('one that asks the exchange while it limits is refused with a wait', async () => {
  // An account of its own, which has to wait then.
  await using other = new TradingRig()
  await other.startExchange()
  await other.startTool()
  await other.tell({ fault: '429' })
  const claims = other.claims({ tool: 'place_order', args: BUY })
  const reply = await other.call(claims, BUY)
  expect(reply).toMatchObject({ isError: true, code: 'UPSTREAM_RATE_LIMITED' })
  expect(reply.retryAfterMs).toBeGreaterThan(0)
})

// The last one: an adoption raises the kill level, and a person lowers it.
test('a ledger that was lost: what happened is found, and nothing is done twice', async () => {
  await done('place_order', REST)
  const [resting] = await rig.venue.openOrders()
  const acts = [
    { tool: 'place_order', args: BUY },
    { tool: 'cancel_order', args: { symbol: 'BTC', order_id: resting?.oid ?? '' } },
  ].map((act) => ({ ...act, claims: rig.claims(act) }))
  await rig.tell({ fault: 'cut', times: acts.length })
  for (const { claims, args } of acts) {
    expect(await rig.call(claims, args)).toMatchObject({ status: 'UNKNOWN' })
  }
  const taken = [rig.taken().length, rig.taken('cancel').length]
  await rig.tool.kill()
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${rig.ledgerPath}${suffix}`, { force: true })
  await rig.startTool()
  expect(rig.status.reason).toContain('LEDGER_BEHIND')
  await rig.adopt({ effects: acts.map(({ claims, args }) => rig.judge.adopted(claims, args)) })
  await expect.poll(async () => (await rig.hello()).state, { timeout: 20_000 }).toBe('open')
  for (const { claims, args } of acts) {
    expect(await rig.call(claims, args)).toMatchObject({ status: 'CONFIRMED' })
  }
  expect([rig.taken().length, rig.taken('cancel').length]).toEqual(taken)
})
