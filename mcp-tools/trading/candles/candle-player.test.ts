import fc from 'fast-check'
import { expect, test } from 'vitest'

import { isLegalPrice } from '../decimal/tick.ts'
import { playCandles } from './candle-player.ts'
import { HOUR_MS, pricePath } from './price-path.ts'
import { loadRecording } from './recording.ts'

const hours = loadRecording()
const player = playCandles(hours)
const NOW_MS = Date.UTC(2026, 10, 21, 17, 31)
const moment = fc.integer({ min: Date.UTC(2025, 0), max: Date.UTC(2030, 0) })
const plain = pricePath(hours, { shiftHours: 0, times: 1n, per: 1n })

test('the recording is a month of whole candles', () => {
  expect(hours).toHaveLength(720)
  for (const { open, high, low, close } of hours) {
    expect(low <= open && low <= close && high >= open && high >= close && low > 0n).toBe(true)
  }
})

test('an hour is played as it was recorded, and backwards after the last one', () => {
  const start = 2 * hours.length * HOUR_MS * 200
  const [first] = hours
  const { first: open, last: close, low, high } = plain.stretch(start, start + HOUR_MS - 1)
  expect({ open, low, high }).toEqual({ open: first?.open, low: first?.low, high: first?.high })
  expect(Number(close)).toBeCloseTo(Number(first?.close ?? 0n), -4)
  const last = start + 2 * hours.length * HOUR_MS - HOUR_MS
  expect(plain.at(last)).toBe(first?.close)
})

test('there is no jump where the recording turns', () => {
  for (const turn of [720, 1_440]) {
    const at = turn * HOUR_MS
    const [before, after] = [plain.at(at - 1), plain.at(at)]
    expect(Math.abs(Number(before - after)) / Number(before)).toBeLessThan(1e-5)
  }
})

test('every price is legal, and every book is in order and uncrossed', () => {
  fc.assert(
    fc.property(moment, fc.integer({ min: 0, max: 10 * HOUR_MS }), (nowMs, back) => {
      for (const quote of player.quotesAt({ nowMs, sinceMs: nowMs - back })) {
        const szDecimals = player.markets[quote.asset]?.szDecimals ?? 0
        const asks = quote.asks.map(([price]) => price)
        const bids = quote.bids.map(([price]) => price)
        for (const price of [...asks, ...bids, quote.markMicros, quote.oracleMicros]) {
          expect(isLegalPrice(price, szDecimals)).toBe(true)
        }
        expect(asks).toEqual(asks.toSorted((left, right) => (left < right ? -1 : 1)))
        expect(bids).toEqual(bids.toSorted((left, right) => (left > right ? -1 : 1)))
        expect((bids[0] ?? 0n) < quote.markMicros && quote.markMicros < (asks[0] ?? 0n)).toBe(true)
        const { lowMicros: low = 0n, highMicros: high = quote.markMicros } = quote
        expect(low <= quote.markMicros && quote.markMicros <= high).toBe(true)
      }
    }),
    { numRuns: 60 },
  )
})

test('an hour of minutes is the hour: same open, extremes, close and volume', () => {
  fc.assert(
    fc.property(moment, fc.integer({ min: 0, max: 4 }), (ms, asset) => {
      const fromMs = Math.floor(ms / HOUR_MS) * HOUR_MS
      const given = { asset, fromMs, toMs: fromMs + HOUR_MS, nowMs: fromMs + 2 * HOUR_MS }
      const [hour] = player.candles({ ...given, intervalMs: HOUR_MS })
      const minutes = player.candles({ ...given, intervalMs: 60_000 })
      expect(minutes).toHaveLength(60)
      expect(minutes[0]?.openMicros).toBe(hour?.openMicros)
      expect(minutes.at(-1)?.closeMicros).toBe(hour?.closeMicros)
      const all = minutes.flatMap(({ lowMicros, highMicros }) => [lowMicros, highMicros])
      expect(all.reduce((left, right) => (right < left ? right : left))).toBe(hour?.lowMicros)
      expect(all.reduce((left, right) => (right > left ? right : left))).toBe(hour?.highMicros)
    }),
    { numRuns: 30 },
  )
})

test('no candle is of the future; the last one is open; the newest 500 are kept', () => {
  const given = { asset: 0, intervalMs: 60_000, fromMs: NOW_MS - 86_400_000 }
  const candles = player.candles({ ...given, toMs: NOW_MS + 86_400_000, nowMs: NOW_MS + 30_000 })
  expect(candles).toHaveLength(500)
  expect(candles.at(-1)).toMatchObject({ openMs: NOW_MS, isClosed: false })
  expect(candles.at(-2)).toMatchObject({ openMs: NOW_MS - 60_000, isClosed: true })
})
