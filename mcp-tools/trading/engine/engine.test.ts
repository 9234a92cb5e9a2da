import { beforeEach, expect, test } from 'vitest'

import { ACCOUNT, btcQuote, OPTIONS, order, usd } from './engine-samples.ts'
import type { EngineOrder, Quote } from './engine-state.ts'
import { createEngine, type Engine } from './engine.ts'

/** 12:30 UTC: no whole hour passes by accident. */
const NOON_MS = Date.UTC(2026, 0, 5, 12, 30)
let engine: Engine
let atMs: number

beforeEach(() => {
  engine = createEngine(OPTIONS)
  atMs = NOON_MS
  tick(btcQuote('50000'))
})

const tick = (...quotes: Quote[]) => engine.tick({ quotes, atMs })
const place = (given: Partial<EngineOrder> = {}) =>
  engine.place({ account: ACCOUNT, order: order(given), atMs })
const cancel = (oid: bigint) => engine.cancel({ account: ACCOUNT, asset: 0, name: { oid }, atMs })
const statusOf = (oid: bigint) => engine.order(ACCOUNT, { oid })?.status
const held = () => engine.account(ACCOUNT).positions[0]?.lots ?? 0n

test.each([
  ['tick', { priceMicros: usd('49999.5') + 1n }],
  ['tick', { priceMicros: usd('50000.1') }],
  ['minTradeNtl', { lots: 19n }],
  ['reduceOnly', { reduceOnly: true }],
  ['oracle', { priceMicros: usd('2000'), lots: 100_000n }],
  ['oracle', { priceMicros: usd('98000') }],
  ['badAloPx', { tif: 'Alo', priceMicros: usd('50001') }],
  ['iocCancel', { tif: 'Ioc', priceMicros: usd('50000') }],
  ['perpMargin', { lots: 400_100n }],
  ['badTriggerPx', { trigger: { isMarket: true, priceMicros: usd('49000'), tpsl: 'sl' } }],
] satisfies [string, Partial<EngineOrder>][])('%s is refused, and remembered', (fault, given) => {
  expect(place({ ...given, cloid: 'mine' })).toMatchObject({ kind: 'error', fault })
  expect(engine.order(ACCOUNT, { cloid: 'mine' })?.status).toBe(`${fault}Rejected`)
  expect(engine.openOrders(ACCOUNT)).toEqual([])
  expect(engine.account(ACCOUNT).equityMicros).toBe(OPTIONS.startingMicros)
})

test('a taker pays the levels it takes, best first, and the fee rounded up', () => {
  const answer = place({ lots: 150_000n, priceMicros: usd('50002'), tif: 'Ioc' })
  expect(answer).toMatchObject({ kind: 'filled', lots: 150_000n })
  const fills = engine.fills(ACCOUNT)
  expect(fills.map(({ priceMicros, lots }) => [priceMicros, lots])).toEqual([
    [usd('50001'), 100_000n],
    [usd('50002'), 50_000n],
  ])
  expect(fills.map(({ feeMicros }) => feeMicros)).toEqual([22_500_450n, 11_250_450n])
  const { cashMicros } = engine.account(ACCOUNT)
  expect(cashMicros).toBe(usd('10000') - usd('50001') - usd('25001') - 33_750_900n)
})

test('what is left of an IOC is given up, of a GTC it rests', () => {
  const ioc = { tif: 'Ioc', priceMicros: usd('50001'), lots: 150_000n } as const
  const taken = place(ioc)
  expect(taken).toMatchObject({ kind: 'filled', lots: 100_000n })
  expect(statusOf(1n)).toBe('canceled')
  tick(btcQuote('50000'))
  expect(place({ ...ioc, tif: 'Gtc', isBuy: false, priceMicros: usd('49999') })).toMatchObject({
    kind: 'filled',
    lots: 100_000n,
  })
  expect(engine.order(ACCOUNT, { oid: 2n })).toMatchObject({ status: 'open', lots: 50_000n })
})

test('taken liquidity is gone until the next quote', () => {
  const all = { tif: 'Ioc', priceMicros: usd('50001'), lots: 100_000n } as const
  expect(place(all)).toMatchObject({ kind: 'filled' })
  expect(place({ ...all, lots: 1_000n })).toMatchObject({ fault: 'iocCancel' })
  tick(btcQuote('50000', { asks: [] }))
  expect(place({ ...all, lots: 1_000n })).toMatchObject({ fault: 'marketOrderNoLiquidity' })
})

test('what rests makes: at its own price, in parts, at the lower fee', () => {
  expect(place({ lots: 3_000n })).toEqual({ kind: 'resting', oid: 1n })
  tick(btcQuote('49999', { lots: 2_000n }))
  expect(engine.order(ACCOUNT, { oid: 1n })).toMatchObject({ status: 'open', lots: 1_000n })
  const { fills } = tick(btcQuote('49990'))
  expect(fills).toMatchObject([{ priceMicros: usd('50000'), lots: 1_000n, crossed: false }])
  expect(fills[0]?.feeMicros).toBe(75_000n)
  expect(statusOf(1n)).toBe('filled')
  expect(held()).toBe(3_000n)
})

test('a market that traded through a resting order between two looks has filled it', () => {
  place()
  tick(btcQuote('50100', { lowMicros: usd('50000') }))
  expect(statusOf(1n)).toBe('open')
  tick(btcQuote('50100', { lowMicros: usd('49999') }))
  expect(statusOf(1n)).toBe('filled')
})

test('a cancel ends what is open, once', () => {
  place()
  expect(cancel(1n)).toEqual({ kind: 'success' })
  expect(statusOf(1n)).toBe('canceled')
  expect(cancel(1n)).toMatchObject({ message: expect.stringContaining('already canceled') })
  expect(cancel(99n)).toMatchObject({ kind: 'error' })
})

test('reduce-only ends at most what is held, whatever its size or worth', () => {
  place({ tif: 'Ioc', priceMicros: usd('50005') })
  const close = { isBuy: false, reduceOnly: true, tif: 'Ioc', priceMicros: usd('49900') } as const
  expect(place({ ...close, isBuy: true })).toMatchObject({ fault: 'reduceOnly' })
  expect(place({ ...close, lots: 10n })).toMatchObject({ fault: 'minTradeNtl' })
  expect(place({ ...close, lots: 990n })).toMatchObject({ kind: 'filled', lots: 990n })
  expect(place({ ...close, lots: 5_000n })).toMatchObject({ kind: 'filled', lots: 10n })
  expect(held()).toBe(0n)
  expect(engine.account(ACCOUNT).positions).toEqual([])
})

test('a resting exit goes when there is nothing left to exit', () => {
  place({ tif: 'Ioc', priceMicros: usd('50005') })
  place({ isBuy: false, reduceOnly: true, priceMicros: usd('51000') })
  place({ isBuy: false, reduceOnly: true, tif: 'Ioc', priceMicros: usd('49900') })
  expect(held()).toBe(0n)
  tick(btcQuote('52000'))
  expect(statusOf(2n)).toBe('reduceOnlyCanceled')
  expect(held()).toBe(0n)
})

test('a stop sleeps until the mark is there, then takes what it gets', () => {
  place({ tif: 'Ioc', priceMicros: usd('50005') })
  const trigger = { isMarket: true, priceMicros: usd('49000'), tpsl: 'sl' } as const
  const stop = { isBuy: false, reduceOnly: true, priceMicros: usd('48500'), trigger } as const
  expect(place(stop)).toEqual({ kind: 'waiting', oid: 2n })
  tick(btcQuote('49001'))
  expect(held()).toBe(1_000n)
  tick(btcQuote('49000'))
  expect(held()).toBe(0n)
  expect(engine.order(ACCOUNT, { oid: 2n })).toMatchObject({ status: 'filled', isWaiting: false })
  expect(engine.fills(ACCOUNT).at(-1)).toMatchObject({ priceMicros: usd('48999'), crossed: true })
})

test('a stop that was passed while nobody looked fills at what there is, not at its price', () => {
  place({ tif: 'Ioc', priceMicros: usd('50005') })
  const trigger = { isMarket: true, priceMicros: usd('49000'), tpsl: 'sl' } as const
  place({ isBuy: false, reduceOnly: true, priceMicros: usd('40000'), trigger })
  tick(btcQuote('47000'))
  expect(engine.fills(ACCOUNT).at(-1)).toMatchObject({ priceMicros: usd('46999') })
})

test('a profit is taken above, and rests there when it is no market order', () => {
  place({ tif: 'Ioc', priceMicros: usd('50005') })
  const trigger = { isMarket: false, priceMicros: usd('52000'), tpsl: 'tp' } as const
  place({ isBuy: false, reduceOnly: true, priceMicros: usd('52100'), trigger })
  tick(btcQuote('52000'))
  expect(engine.order(ACCOUNT, { oid: 2n })).toMatchObject({ status: 'open', isWaiting: false })
  tick(btcQuote('52200'))
  expect(engine.fills(ACCOUNT).at(-1)).toMatchObject({ priceMicros: usd('52100'), crossed: false })
})

test('profit and loss are booked with the fill that ends a position, also through zero', () => {
  place({ tif: 'Ioc', priceMicros: usd('50001') })
  tick(btcQuote('51000'))
  place({ isBuy: false, lots: 3_000n, tif: 'Ioc', priceMicros: usd('50999') })
  expect(engine.fills(ACCOUNT).at(-1)).toMatchObject({
    startLots: 1_000n,
    closedMicros: usd('9.98'),
  })
  expect(held()).toBe(-2_000n)
  tick(btcQuote('50000'))
  place({ isBuy: true, lots: 2_000n, tif: 'Ioc', priceMicros: usd('50001') })
  expect(engine.fills(ACCOUNT).at(-1)).toMatchObject({ closedMicros: usd('19.96') })
})

test('funding is paid by whole hours, by who is long when the rate is positive', () => {
  place({ tif: 'Ioc', priceMicros: usd('50001') })
  const before = engine.account(ACCOUNT).cashMicros
  atMs += 29 * 60_000
  tick(btcQuote('50000'))
  expect(engine.account(ACCOUNT).cashMicros).toBe(before)
  atMs += 60_000
  tick(btcQuote('50000'))
  // 500 dollars at an eighth of 0.01 %.
  expect(engine.account(ACCOUNT).paidFundingMicros).toBe(6_250n)
  atMs += 3 * 3_600_000
  tick(btcQuote('50000'))
  expect(engine.account(ACCOUNT).paidFundingMicros).toBe(25_000n)
})

test('who falls below the maintenance margin is liquidated at mark', () => {
  place({ lots: 100_000n, tif: 'Ioc', priceMicros: usd('50001') })
  place({ lots: 1_000n, priceMicros: usd('40000') })
  tick(btcQuote('41000'))
  expect(held()).toBe(100_000n)
  tick(btcQuote('40500', { lowMicros: usd('40400') }))
  expect(engine.account(ACCOUNT).positions).toEqual([])
  expect(engine.fills(ACCOUNT).at(-1)).toMatchObject({
    isLiquidation: true,
    priceMicros: usd('40500'),
  })
  expect(statusOf(2n)).toBe('liquidatedCanceled')
})

test('leverage is of an account and a market, up to the most of the market', () => {
  const set = (leverage: number) =>
    engine.setLeverage({ account: ACCOUNT, asset: 0, leverage, atMs }).kind
  expect(set(41)).toBe('invalid')
  expect(set(0)).toBe('invalid')
  expect(set(1)).toBe('success')
  expect(place({ lots: 20_010n })).toMatchObject({ fault: 'perpMargin' })
  expect(set(2)).toBe('success')
  expect(place({ lots: 20_010n })).toMatchObject({ kind: 'resting' })
})
