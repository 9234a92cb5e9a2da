import { afterAll, beforeAll, expect, test } from 'vitest'

import { openSimulatedExchange } from '../simulated-exchange/open-simulated-exchange.ts'
import { ExchangeRig } from '../simulated-exchange/testing/exchange-rig.ts'
import { openCandleStream } from './candle-stream.ts'

/** The market that is followed: a Hyperliquid of our own on loopback. */
const upstream = new ExchangeRig()
const MARKETS = [
  { symbol: 'BTC', szDecimals: 5, maxLeverage: 40 },
  { symbol: 'ETH', szDecimals: 4, maxLeverage: 25 },
]
let aheadMs = 0
let isSilent = false
const now = (): number => Date.now() + aheadMs
const follow = async () =>
  openCandleStream({
    markets: MARKETS,
    read: async (of, signal) => {
      if (isSilent) throw new Error('silent')
      return upstream.venue.candles(of, { signal })
    },
    everyMs: 5,
    now,
    onFault: () => undefined,
  })
beforeAll(async () => upstream.open())
afterAll(async () => upstream[Symbol.asyncDispose]())

test('its candles are those of the market it follows, at every interval', async () => {
  await using stream = await follow()
  const toMs = now() + 1
  const at = { fromMs: toMs - 6 * 3_600_000, toMs }
  for (const [interval, intervalMs] of [
    ['5m', 300_000],
    ['1h', 3_600_000],
  ] as const) {
    const theirs = await upstream.venue.candles({ symbol: 'ETH', interval, ...at })
    const ours = stream.candles({ asset: 1, intervalMs, ...at, nowMs: toMs })
    const closed = theirs.filter((candle) => candle.isClosed)
    expect(closed.length).toBeGreaterThanOrEqual(5)
    for (const { openMs, open, high, low, close } of closed) {
      const own = ours.find((candle) => candle.openMs === openMs)
      const text = [own?.openMicros, own?.highMicros, own?.lowMicros, own?.closeMicros].map(
        (micros) => String(Number(micros) / 1e6),
      )
      expect(text).toEqual([open, high, low, close])
    }
  }
})

test('a market that falls silent offers nothing, and trades again when it is heard', async () => {
  await using stream = await follow()
  const asks = () => stream.quotesAt({ nowMs: now() })[0]?.asks.length
  expect(asks()).toBe(10)
  isSilent = true
  aheadMs += 61_000
  expect(asks()).toBe(0)
  isSilent = false
  await expect.poll(asks).toBe(10)
  aheadMs = 0
})

test('a paper exchange trades on it', async () => {
  await using stream = await follow()
  const { folder, wallet } = upstream
  await using exchange = await openSimulatedExchange({
    port: 0,
    recordPath: `${folder}/following.jsonl`,
    accounts: [{ address: wallet.address, agents: [] }],
    source: stream,
    clock: now,
  })
  const baseUrl = new URL(exchange.url)
  const venue = upstream.venueFor({ baseUrl, account: wallet.address, now })
  const { mark } = await venue.price({ symbol: 'BTC' })
  const price = String(Math.ceil(Number(mark) * 1.01))
  const { answer } = await upstream.send({ kind: 'place', order: upstream.order({ price }) }, venue)
  expect(answer).toMatchObject({ orders: [{ kind: 'filled' }] })
})
