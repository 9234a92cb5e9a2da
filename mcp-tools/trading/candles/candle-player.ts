import { roundPrice } from '../decimal/tick.ts'
import type { EngineMarket, Quote } from '../engine/engine-state.ts'
import { bookAround } from './book-around.ts'
import { HOUR_MS, pricePath, type PricePath, type Reading } from './price-path.ts'
import type { RecordedHour } from './recording.ts'

/** Prices in micros, volume in lots of the market. */
export type PlayedCandle = Readonly<{
  openMs: number
  openMicros: bigint
  highMicros: bigint
  lowMicros: bigint
  closeMicros: bigint
  volumeLots: bigint
  isClosed: boolean
}>

/** A world for a paper exchange: the same at the same time, whoever asks and however often. */
export type CandlePlayer = Readonly<{
  markets: readonly EngineMarket[]
  /**
   * What every market offers at a moment; with the extremes since `sinceMs`, so that a time in
   * which nobody looked is not lost.
   */
  quotesAt: (given: { nowMs: number; sinceMs?: number }) => readonly Quote[]
  /**
   * Those opened in [fromMs, toMs), oldest first, none of the future, at most `MAX_CANDLES`, the
   * newest then. `intervalMs` divides an hour or is hours.
   */
  candles: (given: {
    asset: number
    intervalMs: number
    fromMs: number
    toMs: number
    nowMs: number
  }) => readonly PlayedCandle[]
}>

export const MAX_CANDLES = 500

/**
 * The markets of the paper exchange: the universe of the trading module (requirements 4.4). Only
 * bitcoin was recorded; the others are the same path at other hours and at a scale near to their
 * own, which is enough to rehearse on and no history of theirs.
 */
const MARKETS: readonly (EngineMarket & { shiftHours: number; dollars: bigint })[] = [
  { symbol: 'BTC', szDecimals: 5, maxLeverage: 40, shiftHours: 0, dollars: 48_648n },
  { symbol: 'ETH', szDecimals: 4, maxLeverage: 25, shiftHours: 173, dollars: 3_000n },
  { symbol: 'SOL', szDecimals: 2, maxLeverage: 20, shiftHours: 401, dollars: 150n },
  { symbol: 'SUI', szDecimals: 1, maxLeverage: 10, shiftHours: 577, dollars: 3n },
  { symbol: 'HYPE', szDecimals: 2, maxLeverage: 10, shiftHours: 911, dollars: 40n },
]

/** The oracle is the mark of a minute ago: so there is a premium, and funding moves. */
const ORACLE_LAG_MS = 60_000

/** Plays a recording as the market of a paper exchange. */
export function playCandles(hours: readonly RecordedHour[]): CandlePlayer {
  const first = hours[0]?.open ?? 1n
  const played = MARKETS.map((market, asset) => {
    const { shiftHours, dollars } = market
    const reading: Reading = { shiftHours, times: dollars * 1_000_000n, per: first }
    return { asset, market, path: pricePath(hours, reading) }
  })
  return {
    markets: MARKETS.map(({ symbol, szDecimals, maxLeverage }) => ({
      symbol,
      szDecimals,
      maxLeverage,
    })),
    quotesAt: ({ nowMs, sinceMs }) =>
      played.map(({ asset, market, path }) => quoteOf({ asset, market, path, nowMs, sinceMs })),
    candles: ({ asset, intervalMs, fromMs, toMs, nowMs }) => {
      const one = played[asset]
      if (one === undefined) throw new RangeError(`There is no asset ${asset}.`)
      const end = Math.min(toMs, nowMs + 1)
      const oldest = Math.ceil(fromMs / intervalMs)
      const newest = Math.ceil(end / intervalMs) - 1
      const from = Math.max(oldest, newest - MAX_CANDLES + 1)
      const count = Math.max(0, newest - from + 1)
      return Array.from({ length: count }, (_, index) =>
        candleOf({ ...one, openMs: (from + index) * intervalMs, intervalMs, nowMs }),
      )
    },
  }
}

function quoteOf(given: {
  asset: number
  market: EngineMarket
  path: PricePath
  nowMs: number
  sinceMs: number | undefined
}): Quote {
  const { asset, market, path, nowMs, sinceMs } = given
  const { szDecimals } = market
  const markMicros = legal(path.at(nowMs), szDecimals)
  const oracleMicros = legal(path.at(nowMs - ORACLE_LAG_MS), szDecimals)
  const quote = { asset, markMicros, oracleMicros, ...bookAround(markMicros, szDecimals) }
  if (sinceMs === undefined || sinceMs >= nowMs) return quote
  const { low, high } = path.stretch(sinceMs, nowMs)
  return { ...quote, lowMicros: legal(low, szDecimals), highMicros: legal(high, szDecimals) }
}

function candleOf(given: {
  market: EngineMarket
  path: PricePath
  openMs: number
  intervalMs: number
  nowMs: number
}): PlayedCandle {
  const { market, path, openMs, intervalMs, nowMs } = given
  const { szDecimals } = market
  const closeMs = openMs + intervalMs
  const endMs = Math.min(closeMs, nowMs)
  const { first, last, low, high } = path.stretch(openMs, Math.max(endMs, openMs))
  return {
    openMs,
    openMicros: legal(first, szDecimals),
    highMicros: legal(high, szDecimals),
    lowMicros: legal(low, szDecimals),
    closeMicros: legal(last, szDecimals),
    volumeLots: (volumeOf(path, openMs, endMs) * 10n ** BigInt(szDecimals)) / 1_000n,
    isClosed: nowMs >= closeMs,
  }
}

/** In thousandths of a coin, spread evenly over each hour. */
function volumeOf(path: PricePath, fromMs: number, toMs: number): bigint {
  let volume = 0n
  for (let hour = Math.floor(fromMs / HOUR_MS) * HOUR_MS; hour < toMs; hour += HOUR_MS) {
    const ms = Math.min(toMs, hour + HOUR_MS) - Math.max(fromMs, hour)
    volume += (path.volumeMilli(hour) * BigInt(ms)) / BigInt(HOUR_MS)
  }
  return volume
}

const legal = (price: bigint, szDecimals: number): bigint =>
  roundPrice(price, szDecimals, 'down') ?? 1n
