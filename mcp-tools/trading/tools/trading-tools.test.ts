import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { TradingRig } from '../testing/trading-rig.ts'

const rig = new TradingRig()
beforeAll(async () => rig.open())
afterAll(async () => rig[Symbol.asyncDispose]())
afterEach(async () => {
  await rig.call('cancel_all')
  await rig.call('close_position', { symbol: 'BTC', size: 'all', price: '40000' })
  await rig.exchange.control({ prices: { BTC: '50000', ETH: '3000' } })
})

const ORDER = {
  symbol: 'BTC',
  side: 'buy',
  size: '0.001',
  price: '50500',
  tif: 'ioc',
  reduce_only: false,
} as const
const RESTING = { ...ORDER, price: '49000', tif: 'gtc' } as const

describe('reading', () => {
  test('mode, limits and kill level', async () => {
    expect(await rig.call('get_mode')).toMatchObject({
      status: 'OK',
      mode: 'paper',
      venue: 'paper',
      kill_level: 0,
      kill_name: 'SAFE',
      max_position_percent: '15',
      max_leverage: '3',
      restricted_symbols: ['FTT', 'HYPE', 'LUNA', 'USDT'],
    })
  })

  test('markets, price, book and candles', async () => {
    const { markets } = await rig.call('get_markets', { symbols: ['BTC', 'HYPE'] })
    expect(markets).toMatchObject([
      { symbol: 'BTC', size_decimals: 5, min_notional_usd: '10', restricted: false },
      { symbol: 'HYPE', restricted: true },
    ])
    expect(await rig.call('get_price', { symbol: 'BTC' })).toMatchObject({ mark: '50000' })
    const book = await rig.call('get_orderbook', { symbol: 'BTC', depth: 3 })
    expect(book['asks']).toHaveLength(3)
    const { candles } = await rig.call('get_candles', { symbol: 'ETH', limit: 5 })
    expect(candles).toHaveLength(5)
  })

  test('a symbol that is not listed has a code of its own', async () => {
    for (const tool of ['get_price', 'get_orderbook', 'get_candles']) {
      const said = await rig.call(tool, { symbol: 'NOPE' })
      expect(said).toMatchObject({ code: 'MARKET_UNKNOWN', isError: true, mode: 'paper' })
    }
  })
})

describe('an order', () => {
  test('that is filled says at what, and stands among positions and fills', async () => {
    const said = await rig.call('place_order', ORDER)
    expect(said).toMatchObject({
      status: 'CONFIRMED',
      isError: false,
      mode: 'paper',
      venue: 'paper',
      simulated: true,
      order_state: 'filled',
      filled_size: '0.001',
      average_price: '50005',
      symbol: 'BTC',
      side: 'buy',
    })
    expect(await rig.call('get_positions')).toMatchObject({
      positions: [{ symbol: 'BTC', size: '0.001' }],
    })
    const id = { order_id: said['client_order_id'], with_fills: true }
    const { orders, fills } = await rig.call('get_orders', id)
    expect(orders).toMatchObject([{ order_id: said['order_id'], state: 'filled' }])
    expect(fills).toContainEqual(expect.objectContaining({ order_id: said['order_id'] }))
  })

  test('costs what it came to, and an exit costs nothing', async () => {
    await rig.call('place_order', ORDER, 'priced')
    const cost = (key: string) =>
      rig.ledger.entries.latestOfIntent(`client:someone:key:${key}`)?.costUsdMicros
    expect(cost('priced')).toBe('50005000')
    await rig.call('close_position', { symbol: 'BTC', size: 'all', price: '49000' }, 'exit')
    expect(cost('exit')).toBe('0')
  })

  test('is done once under one key, whoever asks again and after a restart', async () => {
    const first = await rig.call('place_order', RESTING, 'same')
    const again = await rig.call('place_order', RESTING, 'same')
    await rig.restart()
    const later = await rig.call('place_order', RESTING, 'same')
    expect([again['order_id'], later['order_id']]).toEqual([first['order_id'], first['order_id']])
    const { orders } = await rig.call('get_orders')
    expect(orders).toHaveLength(1)
    const other = await rig.call('place_order', { ...RESTING, size: '0.002' }, 'same')
    expect(other).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT', mode: 'paper' })
  })

  test('needs a key', async () => {
    const served = rig.server.tools.find(({ definition }) => definition.name === 'place_order')
    if (served?.kind !== 'effect') throw new Error('place_order is an effect.')
    expect(served.intentOf).toBeUndefined()
  })

  test('that the venue refuses is an error with its words', async () => {
    const tiny = await rig.call('place_order', { ...ORDER, size: '0.0001' })
    expect(tiny).toMatchObject({ status: 'REFUSED', code: 'UPSTREAM_REJECTED', isError: true })
    expect(tiny.message).toContain('minimum value of $10')
    const ioc = await rig.call('place_order', { ...ORDER, price: '49000' })
    expect(ioc.message).toContain('ioc_cancel')
    const alo = await rig.call('place_order', { ...ORDER, tif: 'alo' })
    expect(alo.message).toContain('bad_alo_price')
  })

  test.each([
    [{ price: '50000.5' }, 'no legal price in BTC. The nearest is 50000.'],
    [{ price: '50000.5', side: 'sell' }, 'The nearest is 50001.'],
    [{ size: '0.000001' }, 'at most 5 decimals'],
    [{ symbol: 'NOPE' }, 'lists no market'],
    [{ trigger: { kind: 'stop', price: '51000' }, tif: 'gtc' }, 'needs tif ioc'],
  ])('with %o is refused before it is sent', async (wrong, words) => {
    const before = rig.exchange.record().length
    const said = await rig.call('place_order', { ...ORDER, ...wrong })
    expect(said).toMatchObject({ status: 'NONE', isError: true })
    expect(said.message).toContain(words)
    const sent = rig.exchange.record().slice(before)
    expect(sent.filter(({ path }) => path === '/exchange')).toEqual([])
  })

  test.each([
    { size: '0' },
    { size: '-1' },
    { size: '1e3' },
    { size: '0.000000001' },
    { price: 50_500 },
    { price: 'NaN' },
    { side: 'long' },
    { leverage: 50 },
    { symbol: '' },
  ])('with %o does not fit the schema', async (wrong) => {
    const said = await rig.call('place_order', { ...ORDER, ...wrong })
    expect(said).toMatchObject({ status: 'NONE', code: 'INPUT_INVALID' })
  })

  test('that waits for its trigger is cancelled by either id', async () => {
    await rig.call('place_order', ORDER)
    const stop = {
      ...ORDER,
      side: 'sell',
      price: '44000',
      reduce_only: true,
      trigger: { kind: 'stop', price: '45000' },
    }
    const placed = await rig.call('place_order', stop)
    expect(placed).toMatchObject({ status: 'CONFIRMED', order_state: 'waiting' })
    const id = placed['client_order_id']
    const cancelled = await rig.call('cancel_order', { symbol: 'BTC', order_id: id })
    expect(cancelled).toMatchObject({ status: 'CONFIRMED', cancelled: 1, not_open: 0 })
    const again = await rig.call('cancel_order', { symbol: 'BTC', order_id: id })
    expect(again).toMatchObject({ status: 'REFUSED', code: 'UPSTREAM_REJECTED' })
  })
})

describe('closing and cancelling', () => {
  test('a part of a position, then all of it, long or short', async () => {
    await rig.call('place_order', { ...ORDER, side: 'sell', size: '0.002', price: '49500' })
    const close = { symbol: 'BTC', price: '50500' }
    const part = await rig.call('close_position', { ...close, size: '0.001' })
    expect(part).toMatchObject({ status: 'CONFIRMED', side: 'buy', filled_size: '0.001' })
    expect(await rig.call('close_position', { ...close, size: 'all' })).toMatchObject({
      filled_size: '0.001',
    })
    const none = await rig.call('close_position', { ...close, size: 'all' })
    expect(none).toMatchObject({ status: 'NONE', code: 'UPSTREAM_REJECTED' })
  })

  test('all orders, of one market or of all', async () => {
    await rig.call('place_order', RESTING)
    await rig.call('place_order', { ...RESTING, price: '48000' })
    await rig.call('place_order', { ...RESTING, symbol: 'ETH', size: '0.1', price: '2900' })
    expect(await rig.call('cancel_all', { symbol: 'BTC' })).toMatchObject({ cancelled: 2 })
    expect(await rig.call('cancel_all')).toMatchObject({ cancelled: 1, not_open: 0 })
    expect(await rig.call('cancel_all')).toMatchObject({ status: 'NONE', isError: true })
  })
})
