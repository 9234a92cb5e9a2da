import { formatDecimal, parseDecimal } from '@chimera/mcp-trading/decimal/decimal'
/**
 * What every venue has to do (mcp-tools/trading/venue/venue.ts), in its order of life: read, place,
 * fill, rest, trigger, cancel, refuse, lose an answer. Paper and Hyperliquid run the same suite.
 */
import { isLegalPrice } from '@chimera/mcp-trading/decimal/tick'
import { ExchangeRig } from '@chimera/mcp-trading/simulated-exchange/testing/exchange-rig'
import type { OrderRequest, Venue, VenueAction } from '@chimera/mcp-trading/venue/venue'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

const IMPLEMENTATIONS = {
  paper: (rig) => rig.venueFor({ name: 'paper' }),
  'hyperliquid-testnet': (rig) => rig.venueFor({ name: 'hyperliquid-testnet' }),
} satisfies Record<string, (rig: ExchangeRig) => Venue>

const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/

describe.each(Object.entries(IMPLEMENTATIONS))('a venue: %s', (name, open) => {
  const rig = new ExchangeRig()
  let venue: Venue
  beforeAll(async () => {
    await rig.open()
    venue = open(rig)
  })
  afterAll(async () => rig[Symbol.asyncDispose]())
  afterEach(async () => {
    await rig.control({ fault: 'none', prices: { BTC: '50000' } })
    for (const { symbol, oid } of await venue.openOrders()) {
      await send({ kind: 'cancel', orders: [{ symbol, oid }] })
    }
    const { positions } = await venue.account()
    for (const { symbol, size } of positions) {
      const isLong = !size.startsWith('-')
      await place({
        symbol,
        side: isLong ? 'sell' : 'buy',
        size: size.replace('-', ''),
        price: isLong ? '30000' : '90000',
        reduceOnly: true,
      })
    }
  })
  const send = async (action: VenueAction) => rig.send(action, venue)
  const place = async (wish: Partial<OrderRequest> = {}) => {
    const order = rig.order(wish)
    const { answer, outcome } = await send({ kind: 'place', order })
    const said = answer?.outcome === 'answered' ? answer.orders[0] : undefined
    return { order, answer, outcome, said }
  }

  describe('reading', () => {
    test('says what it is', () => {
      expect(venue).toMatchObject({ name, isLive: name !== 'paper' })
      expect(venue.absence.reads).toBeGreaterThanOrEqual(2)
    })

    test('lists markets with their rules, and prices that are legal by them', async () => {
      await rig.control({ prices: { BTC: '50000' } })
      const markets = await venue.markets()
      expect(markets.map(({ asset }) => asset)).toEqual(markets.map((_, index) => index))
      for (const { symbol, szDecimals, maxPriceDecimals, significantFigures } of markets) {
        expect(maxPriceDecimals).toBe(6 - szDecimals)
        expect(significantFigures).toBe(5)
        const price = await venue.price({ symbol })
        expect(price).toMatchObject({ symbol })
        const { bids, asks, atMs } = await venue.book({ symbol, depth: 3 })
        expect(Math.abs(rig.now() - atMs)).toBeLessThan(60_000)
        for (const level of [...bids, ...asks]) {
          expect(level.price).toMatch(DECIMAL)
          expect(isLegalPrice(parseDecimal(level.price, 6) ?? 0n, szDecimals)).toBe(true)
          expect(parseDecimal(level.size, szDecimals)).toBeGreaterThan(0n)
        }
        expect(bids).toHaveLength(3)
        expect(Number(bids[0]?.price)).toBeLessThan(Number(asks[0]?.price))
      }
    })

    test('gives candles oldest first, each in its interval, the last one open', async () => {
      const toMs = rig.now()
      const fromMs = toMs - 10 * 3_600_000
      const candles = await venue.candles({ symbol: 'BTC', interval: '1h', fromMs, toMs })
      expect(candles.length).toBeGreaterThanOrEqual(10)
      expect(candles.map(({ openMs }) => openMs)).toEqual(
        candles.map(({ openMs }) => openMs).toSorted((left, right) => left - right),
      )
      expect(candles.at(-1)?.isClosed).toBe(false)
      for (const { open: opened, high, low, close, openMs } of candles) {
        expect(openMs >= fromMs && openMs < toMs && openMs % 3_600_000 === 0).toBe(true)
        expect(Number(low)).toBeLessThanOrEqual(Math.min(Number(opened), Number(close)))
        expect(Number(high)).toBeGreaterThanOrEqual(Math.max(Number(opened), Number(close)))
      }
    })

    test('names a market that is not there', async () => {
      const fault = { code: 'MARKET_UNKNOWN' }
      const times = { interval: '1h', fromMs: 0, toMs: rig.now() } as const
      await expect(venue.price({ symbol: 'NOPE' })).rejects.toMatchObject(fault)
      await expect(venue.book({ symbol: 'NOPE', depth: 1 })).rejects.toMatchObject(fault)
      await expect(venue.candles({ symbol: 'NOPE', ...times })).rejects.toMatchObject(fault)
      const action = { kind: 'place', order: rig.order({ symbol: 'NOPE' }) } as const
      const limits = { expiresAfterMs: rig.now() + 1_000 }
      await expect(venue.prepare(action, limits)).rejects.toMatchObject(fault)
    })

    test('knows nothing of an order that never came', async () => {
      const found = await venue.findOrder({ cloid: rig.cloid() })
      expect(found).toMatchObject({ kind: 'unknown' })
      expect(Math.abs(found.asOfMs - rig.now())).toBeLessThan(60_000)
      expect(await venue.findOrder({ oid: '99999999' })).toMatchObject({ kind: 'unknown' })
    })
  })

  describe('an order', () => {
    test('that crosses is filled, and the fill is told once by its tid', async () => {
      const { order, said } = await place({ size: '0.002' })
      expect(said).toMatchObject({ kind: 'filled', size: '0.002' })
      const found = await venue.findOrder({ cloid: order.cloid })
      expect(found).toMatchObject({
        kind: 'found',
        order: { cloid: order.cloid, state: 'filled', size: '0.002', remaining: '0' },
      })
      const fills = await venue.fills({ sinceMs: 0 })
      const own = fills.filter(({ cloid }) => cloid === order.cloid)
      expect(own).toMatchObject([{ side: 'buy', isTaker: true, size: '0.002' }])
      expect(new Set(fills.map(({ tid }) => tid)).size).toBe(fills.length)
      const { positions, equityUsd } = await venue.account()
      expect(positions).toMatchObject([{ symbol: 'BTC', size: '0.002', notionalUsd: '100' }])
      expect(equityUsd).toMatch(DECIMAL)
    })

    test('that does not cross rests, and is found by both names', async () => {
      const { order, said } = await place({ tif: 'gtc', price: '45000' })
      if (said?.kind !== 'resting') throw new Error('It does not rest.')
      const [open1] = await venue.openOrders()
      expect(open1).toMatchObject({ oid: said.oid, cloid: order.cloid, state: 'open' })
      expect(await venue.findOrder({ oid: said.oid })).toMatchObject({ order: { oid: said.oid } })
    })

    test('that is larger than the book is filled in part, and told so', async () => {
      await rig.control({ prices: { BTC: '50000' }, depth: { BTC: '0.0004' } })
      const { order, said } = await place({ size: '0.1', price: '50500' })
      if (said?.kind !== 'filled') throw new Error('It is not filled at all.')
      const [asked, filled] = [order.size, said.size].map((size) => parseDecimal(size, 5) ?? 0n)
      expect(filled !== undefined && asked !== undefined && filled < asked).toBe(true)
      const left = formatDecimal((asked ?? 0n) - (filled ?? 0n), 5)
      expect(await venue.findOrder({ cloid: order.cloid })).toMatchObject({
        order: { state: 'cancelled', remaining: left },
      })
      expect((await venue.account()).positions).toMatchObject([{ size: said.size }])
      await rig.control({ depth: { BTC: '100' } })
    })

    test('that waits for its trigger is open, and fires', async () => {
      await place()
      const trigger = { kind: 'stop', price: '48000' } as const
      const exit = { side: 'sell', price: '40000', reduceOnly: true, trigger } as const
      const { order } = await place(exit)
      expect(await venue.openOrders()).toMatchObject([{ cloid: order.cloid, trigger }])
      await rig.control({ prices: { BTC: '47900' } })
      expect(await venue.findOrder({ cloid: order.cloid })).toMatchObject({
        order: { state: 'filled' },
      })
      expect((await venue.account()).positions).toEqual([])
    })

    test.each([
      ['min_trade_notional', { size: '0.0001' }],
      ['ioc_cancel', { price: '49000' }],
      ['bad_alo_price', { tif: 'alo' }],
      ['reduce_only', { reduceOnly: true }],
      ['margin', { size: '9', price: '51000' }],
      ['oracle_distance', { price: '1000', size: '1', tif: 'gtc' }],
      ['bad_trigger_price', { trigger: { kind: 'stop', price: '49000' } }],
    ] satisfies [string, Partial<OrderRequest>][])(
      'is refused for %s by its name, and stays known as refused',
      async (error, wish) => {
        const { order, said } = await place(wish)
        expect(said).toMatchObject({ kind: 'error', error })
        const found = await venue.findOrder({ cloid: order.cloid })
        if (found.kind === 'found') expect(found.order.state).toBe('rejected')
        expect(await venue.openOrders()).toEqual([])
      },
    )

    test.each([{ price: '50000.5' }, { size: '0.000001' }, { size: '0' }])(
      'with %o is never even written',
      async (wish) => {
        const action = { kind: 'place', order: rig.order(wish) } as const
        const limits = { expiresAfterMs: rig.now() + 1_000 }
        await expect(venue.prepare(action, limits)).rejects.toThrow(RangeError)
      },
    )

    test('that comes after its time is dropped whole', async () => {
      const order = rig.order()
      const request = await venue.prepare(
        { kind: 'place', order },
        { expiresAfterMs: rig.now() - 1_000 },
      )
      const response = await rig.post('/exchange', JSON.parse(request.body.toString()))
      const answer = venue.classify(
        { kind: 'place', order },
        {
          status: response.status,
          headers: {},
          body: Buffer.from(await response.arrayBuffer()),
        },
      )
      expect(answer.outcome).not.toBe('answered')
      expect(await venue.findOrder({ cloid: order.cloid })).toMatchObject({ kind: 'unknown' })
    })
  })

  describe('a cancel', () => {
    test('takes back what is open, by either name, and says of each what came of it', async () => {
      const [first, second] = [
        await place({ tif: 'gtc', price: '45000' }),
        await place({ tif: 'gtc', price: '44000' }),
      ]
      if (second.said?.kind !== 'resting') throw new Error('It does not rest.')
      const one = [{ symbol: 'BTC', cloid: first.order.cloid }]
      expect((await send({ kind: 'cancel', orders: one })).answer).toMatchObject({
        orders: [{ kind: 'cancelled' }],
      })
      const { oid } = second.said
      const both = [
        { symbol: 'BTC', oid: '99999999' },
        { symbol: 'BTC', oid },
      ]
      expect((await send({ kind: 'cancel', orders: both })).answer).toMatchObject({
        orders: [{ kind: 'error', error: 'missing_order' }, { kind: 'cancelled' }],
      })
      expect(await venue.openOrders()).toEqual([])
      expect(await venue.findOrder({ cloid: first.order.cloid })).toMatchObject({
        order: { state: 'cancelled' },
      })
    })
  })

  describe('an answer that is lost', () => {
    test.each(['cut', 'hang', '5xx_after'] as const)('by %s hides an order', async (fault) => {
      await rig.control({ fault, times: 1 })
      const { order, answer, outcome } = await place()
      expect(answer?.outcome ?? outcome.kind).toBe('unknown')
      expect(await venue.findOrder({ cloid: order.cloid })).toMatchObject({ kind: 'found' })
    })

    test.each(['reset_before', 'timeout_before'] as const)('by %s hides none', async (fault) => {
      await rig.control({ fault, times: 1 })
      const { order, answer, outcome } = await place()
      expect(answer?.outcome ?? outcome.kind).not.toBe('answered')
      expect(await venue.findOrder({ cloid: order.cloid })).toMatchObject({ kind: 'unknown' })
    })

    test('and a 429 is a refusal with a time', async () => {
      await rig.control({ fault: '429', times: 1 })
      const { answer } = await place()
      expect(answer).toMatchObject({ outcome: 'refused', code: 'UPSTREAM_RATE_LIMITED' })
    })
  })

  test('two requests never share a nonce, and each says when it is too late', async () => {
    const limits = { expiresAfterMs: rig.now() + 1_000 }
    const prepared = await Promise.all(
      Array.from({ length: 50 }, async () =>
        venue.prepare({ kind: 'place', order: rig.order() }, limits),
      ),
    )
    expect(new Set(prepared.map(({ facts }) => facts?.['nonce'])).size).toBe(50)
    for (const { facts } of prepared) {
      expect(facts?.['expires_after']).toBe(String(limits.expiresAfterMs))
    }
  })
})
