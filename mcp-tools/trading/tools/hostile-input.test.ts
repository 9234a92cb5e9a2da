import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { TradingRig } from '../testing/trading-rig.ts'

const rig = new TradingRig()
beforeAll(async () => rig.open())
afterAll(async () => rig[Symbol.asyncDispose]())

/** What models and attackers put where a number or a name belongs. */
const nasty = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '0',
    '-0',
    '-1',
    '1e9',
    '1e-9',
    'NaN',
    'Infinity',
    '0x10',
    '１２３',
    '1,000',
    '1.0.0',
    '9'.repeat(400),
    '0.000000001',
    '\u0000',
    '\uD800',
    '\u202EBTC',
    "'; DROP TABLE entries; --",
    '../../etc/passwd',
    'http://127.0.0.1/',
    '__proto__',
    'constructor',
    null,
    true,
    0,
    -1,
    1e308,
    2 ** 53,
    Number.NaN,
    [],
    {},
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.double(),
  fc.bigInt().map(String),
  fc.jsonValue({ maxDepth: 3 }),
)
const FIELDS = [
  'symbol',
  'side',
  'size',
  'price',
  'tif',
  'reduce_only',
  'trigger',
  'order_id',
  'level',
  'reason',
  'depth',
  'interval',
  'limit',
  'symbols',
  'with_fills',
  '__proto__',
  'leverage',
]
const GOOD = {
  place_order: {
    symbol: 'BTC',
    side: 'buy',
    size: '0.001',
    price: '40000',
    tif: 'gtc',
    reduce_only: false,
  },
  cancel_order: { symbol: 'BTC', order_id: '1' },
  cancel_all: {},
  close_position: { symbol: 'BTC', size: 'all', price: '40000' },
  raise_kill: { level: 1, reason: 'x' },
  get_price: { symbol: 'BTC' },
  get_orderbook: { symbol: 'BTC', depth: 1 },
  get_candles: { symbol: 'BTC', interval: '1h', limit: 1 },
  get_orders: { symbol: 'BTC' },
  get_markets: {},
  get_mode: {},
  get_positions: {},
} as const

test.each(Object.entries(GOOD))(
  '%s answers every hostile input with a code',
  async (tool, good) => {
    const wrong = fc.tuple(fc.constantFrom(...FIELDS), nasty)
    await fc.assert(
      fc.asyncProperty(fc.array(wrong, { minLength: 1, maxLength: 3 }), async (changes) => {
        const args = Object.fromEntries([...Object.entries(good), ...changes])
        const said = await rig.call(tool, args)
        expect(['OK', 'NONE', 'REFUSED', 'CONFIRMED']).toContain(said.status)
        // What passed was sound: nothing odd ever reached the exchange.
        if (said.isError) expect(said.code).toMatch(/^[A-Z_]+$/)
        expect(said['mode']).toBe('paper')
      }),
      { numRuns: 60 },
    )
    const sent = rig.exchange.record().filter(({ path }) => path === '/exchange')
    for (const { status } of sent) expect(status).toBe(200)
    expect(rig.ledger.entries.inState('UNKNOWN')).toEqual([])
  },
)
