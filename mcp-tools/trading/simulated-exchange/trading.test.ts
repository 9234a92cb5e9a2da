import { afterAll, beforeAll, expect, test } from 'vitest'

import { ExchangeRig } from './testing/exchange-rig.ts'

const rig = new ExchangeRig()
beforeAll(async () => {
  await rig.open()
  await rig.control({ prices: { BTC: '50000' } })
})
afterAll(async () => rig[Symbol.asyncDispose]())

const answered = (orders: readonly unknown[]) => ({ answer: { outcome: 'answered', orders } })
const refusedFor = (error: string) =>
  answered([{ kind: 'error', error, detail: expect.any(String) }])

test('an order that crosses is filled at the book and makes a position', async () => {
  const cloid = rig.cloid()
  const sent = await rig.place({ cloid })
  expect(sent).toMatchObject(answered([{ kind: 'filled', size: '0.001', averagePrice: '50005' }]))
  const found = await rig.venue.findOrder({ cloid })
  expect(found).toMatchObject({ kind: 'found', order: { state: 'filled', remaining: '0', cloid } })
  const fills = (await rig.venue.fills({ sinceMs: 0 })).filter((fill) => fill.cloid === cloid)
  expect(fills).toMatchObject([
    { price: '50005', size: '0.001', isTaker: true, feeUsd: '0.022503' },
  ])
  const { positions, equityUsd } = await rig.venue.account()
  expect(positions).toMatchObject([{ symbol: 'BTC', size: '0.001', notionalUsd: '50' }])
  expect(Number(equityUsd)).toBeLessThan(10_000)
  // Closing: size and side against it, reduce-only.
  await rig.place({ side: 'sell', price: '49500', reduceOnly: true })
  expect((await rig.venue.account()).positions).toEqual([])
})

test('an order rests until the market comes to it, and is ended by its cloid', async () => {
  const [reached, ended] = [rig.cloid(), rig.cloid()]
  for (const cloid of [reached, ended]) {
    const sent = await rig.place({
      cloid,
      tif: 'gtc',
      price: reached === cloid ? '49900' : '49000',
    })
    expect(sent).toMatchObject(answered([{ kind: 'resting' }]))
  }
  expect(await rig.venue.openOrders()).toHaveLength(2)
  await rig.control({ prices: { BTC: '49800' } })
  await rig.control({ prices: { BTC: '50000' } })
  expect(await rig.venue.findOrder({ cloid: reached })).toMatchObject({
    order: { state: 'filled' },
  })
  const cancel = { kind: 'cancel', orders: [{ symbol: 'BTC', cloid: ended }] } as const
  expect(await rig.send(cancel)).toMatchObject(answered([{ kind: 'cancelled' }]))
  expect(await rig.send(cancel)).toMatchObject(refusedFor('missing_order'))
  await rig.place({ side: 'sell', price: '49500', reduceOnly: true })
})

test('a stop that fires while nobody looks has sold when somebody does', async () => {
  await rig.place()
  const cloid = rig.cloid()
  const stop = { kind: 'stop', price: '48000' } as const
  const order = { side: 'sell', price: '47000', reduceOnly: true, trigger: stop, cloid } as const
  const { answer } = await rig.place(order)
  expect(answer?.outcome).toBe('answered')
  expect(await rig.venue.openOrders()).toMatchObject([{ cloid, trigger: stop }])
  await rig.control({ prices: { BTC: '47900' } })
  expect(await rig.venue.findOrder({ cloid })).toMatchObject({ order: { state: 'filled' } })
  expect((await rig.venue.account()).positions).toEqual([])
  await rig.control({ prices: { BTC: '50000' } })
})

test.each([
  ['min_trade_notional', { size: '0.0001', price: '50500' }],
  ['ioc_cancel', { price: '49000' }],
  ['bad_alo_price', { tif: 'alo' }],
  ['reduce_only', { reduceOnly: true }],
  ['margin', { size: '100' }],
  ['oracle_distance', { price: '100000' }],
  [
    'bad_trigger_price',
    { side: 'sell', price: '40000', trigger: { kind: 'stop', price: '51000' } },
  ],
] as const)('it refuses in its own words: %s', async (error, wish) => {
  expect(await rig.place(wish)).toMatchObject(refusedFor(error))
  expect(rig.record().at(-1)).toMatchObject({ outcome: 'refused', status: 200 })
})

test('what no market takes is refused before anything is sent', async () => {
  const before = rig.record().length
  for (const wish of [
    { price: '50000.5' },
    { size: '0.0000001' },
    { size: '0' },
    { size: '-1' },
    { price: '1e5' },
    { price: '0' },
  ]) {
    await expect(rig.place(wish)).rejects.toThrow(RangeError)
  }
  await expect(rig.place({ symbol: 'NONE' })).rejects.toMatchObject({ code: 'MARKET_UNKNOWN' })
  expect(rig.record()).toHaveLength(before)
})

test('what one asks for is answered: markets, price, book, candles', async () => {
  const markets = await rig.venue.markets()
  expect(markets[0]).toMatchObject({ symbol: 'BTC', asset: 0, szDecimals: 5, maxPriceDecimals: 1 })
  const price = await rig.venue.price({ symbol: 'BTC' })
  expect(price).toMatchObject({ mark: '50000', mid: '50000', oracle: '50000' })
  const book = await rig.venue.book({ symbol: 'BTC', depth: 2 })
  expect([book.bids[0]?.price, book.asks[0]?.price, book.asks.length]).toEqual([
    '49995',
    '50005',
    2,
  ])
  const toMs = Date.now()
  const span = { symbol: 'ETH', interval: '1h', fromMs: toMs - 24 * 3_600_000, toMs } as const
  const candles = await rig.venue.candles(span)
  expect(candles).toHaveLength(24)
  expect(candles.map(({ isClosed }) => isClosed).lastIndexOf(true)).toBe(22)
  await expect(rig.venue.price({ symbol: 'NONE' })).rejects.toMatchObject({
    code: 'MARKET_UNKNOWN',
  })
})
