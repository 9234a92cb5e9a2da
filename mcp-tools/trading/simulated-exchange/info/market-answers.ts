import { z } from 'zod'

import { formatDecimal, MICROS } from '../../decimal/decimal.ts'
import type { Level, Quote } from '../../engine/engine-state.ts'
import { fundingRate } from '../../engine/funding.ts'
import { CANDLE_INTERVALS } from '../../venue/venue.ts'
import type { ExchangeParts } from '../exchange-parts.ts'

export type Asked = Readonly<{ parts: ExchangeParts; asOfMs: number }>
export type Question = Readonly<{ type: string } & Record<string, unknown>>

const BookQuestion = z.object({ coin: z.string() })
const CandleQuestion = z.object({
  req: z.object({
    coin: z.string(),
    interval: z.enum(CANDLE_INTERVALS),
    startTime: z.int().nonnegative(),
    endTime: z.int().nonnegative().optional(),
  }),
})
const FundingQuestion = z.object({
  coin: z.string(),
  startTime: z.int().nonnegative(),
  endTime: z.int().nonnegative().nullish(),
})
/** As many levels as the exchange shows of each side. */
const LEVELS = 20
/** The premium and the rate have this many decimals here. */
const RATE_DECIMALS = 9

/** Questions about markets, which need no account. Undefined for other questions. */
export function answerMarket(question: Question, asked: Asked): unknown {
  const { engine } = asked.parts
  switch (question.type) {
    case 'meta':
      return metaOf(asked)
    case 'metaAndAssetCtxs':
      return [metaOf(asked), engine.markets.map((_, asset) => contextOf(asset, asked))]
    case 'allMids':
      return Object.fromEntries(
        engine.markets.flatMap(({ symbol }, asset) => {
          const quote = shownQuote(asset, asked)
          const mid = quote === undefined ? undefined : midOf(quote)
          return mid === undefined ? [] : [[symbol, formatDecimal(mid, MICROS)]]
        }),
      )
    case 'l2Book':
      return bookOf(question, asked)
    case 'candleSnapshot':
      return candlesOf(question, asked)
    case 'fundingHistory':
      return fundingOf(question, asked)
    case 'exchangeStatus':
      return { time: asked.asOfMs, specialStatuses: null }
    default:
      return undefined
  }
}

function metaOf({ parts }: Asked) {
  const universe = parts.engine.markets.map(({ symbol: name, szDecimals, maxLeverage }) => {
    return { szDecimals, name, maxLeverage, marginTableId: maxLeverage }
  })
  return { universe, marginTables: [], collateralToken: 0 }
}

function contextOf(asset: number, asked: Asked) {
  const quote = shownQuote(asset, asked)
  if (quote === undefined) {
    return { funding: '0', markPx: '0', midPx: null, oraclePx: '0', premium: null, ...NO_VOLUME }
  }
  const mid = midOf(quote)
  return {
    funding: formatDecimal(fundingRate(quote), RATE_DECIMALS),
    markPx: formatDecimal(quote.markMicros, MICROS),
    midPx: mid === undefined ? null : formatDecimal(mid, MICROS),
    oraclePx: formatDecimal(quote.oracleMicros, MICROS),
    premium: '0',
    ...NO_VOLUME,
  }
}

/** Other people's trading is not simulated. */
const NO_VOLUME = {
  openInterest: '0',
  prevDayPx: '0',
  dayNtlVlm: '0',
  dayBaseVlm: '0',
  impactPxs: null,
}

function bookOf(question: Question, asked: Asked): unknown {
  const read = BookQuestion.safeParse(question)
  const asset = asked.parts.engine.markets.findIndex(({ symbol }) => symbol === read.data?.coin)
  const market = asked.parts.engine.markets[asset]
  if (market === undefined) return null
  const quote = shownQuote(asset, asked)
  const levels = [quote?.bids ?? [], quote?.asks ?? []].map((side: readonly Level[]) =>
    side.slice(0, LEVELS).map(([price, lots]) => {
      return { px: formatDecimal(price, MICROS), sz: formatDecimal(lots, market.szDecimals), n: 1 }
    }),
  )
  return { coin: market.symbol, time: shownAtMs(asked), levels }
}

function candlesOf(question: Question, { parts, asOfMs }: Asked): unknown {
  const read = CandleQuestion.safeParse(question)
  if (!read.success) return undefined
  const { coin, interval, startTime, endTime = asOfMs } = read.data.req
  const asset = parts.engine.markets.findIndex(({ symbol }) => symbol === coin)
  const market = parts.engine.markets[asset]
  if (market === undefined) return null
  const intervalMs = INTERVAL_MS[interval]
  const span = { asset, intervalMs, fromMs: startTime, toMs: endTime + 1, nowMs: asOfMs }
  return parts.source.candles(span).map((candle) => {
    return {
      t: candle.openMs,
      T: candle.openMs + intervalMs - 1,
      s: coin,
      i: interval,
      o: formatDecimal(candle.openMicros, MICROS),
      c: formatDecimal(candle.closeMicros, MICROS),
      h: formatDecimal(candle.highMicros, MICROS),
      l: formatDecimal(candle.lowMicros, MICROS),
      v: formatDecimal(candle.volumeLots, market.szDecimals),
      n: 1,
    }
  })
}

/** The rate of each whole hour, by the prices that were played then; 500 at most, as there. */
function fundingOf(question: Question, { parts, asOfMs }: Asked): unknown {
  const read = FundingQuestion.safeParse(question)
  if (!read.success) return undefined
  const { coin, startTime, endTime } = read.data
  const untilMs = Math.min(endTime ?? asOfMs, asOfMs)
  const firstMs = Math.ceil(startTime / HOUR_MS) * HOUR_MS
  const hours = Math.max(0, Math.floor((untilMs - firstMs) / HOUR_MS) + 1)
  const asset = parts.engine.markets.findIndex(({ symbol }) => symbol === coin)
  return Array.from({ length: Math.min(hours, MAX_RATES) }, (_, index) => {
    const time = firstMs + index * HOUR_MS
    return { time, quote: parts.source.quotesAt({ nowMs: time })[asset] }
  }).flatMap(({ time, quote }) => {
    if (quote === undefined) return []
    const { markMicros, oracleMicros } = quote
    const premium = ((markMicros - oracleMicros) * 10n ** BigInt(RATE_DECIMALS)) / oracleMicros
    const rates = [fundingRate(quote), premium].map((rate) => formatDecimal(rate, RATE_DECIMALS))
    return [{ coin, fundingRate: rates[0], premium: rates[1], time }]
  })
}

const HOUR_MS = 3_600_000
const MAX_RATES = 500
const INTERVAL_MS = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '4h': 14_400_000,
  '1d': 86_400_000,
} as const

/** What a stale node shows still, whatever has moved since. */
function shownQuote(asset: number, { parts }: Asked): Quote | undefined {
  return parts.settings.stale?.quotes.get(asset) ?? parts.engine.quote(asset)
}

const shownAtMs = ({ parts, asOfMs }: Asked): number => parts.settings.stale?.sinceMs ?? asOfMs

function midOf({ bids, asks }: Quote): bigint | undefined {
  const [bid, ask] = [bids[0]?.[0], asks[0]?.[0]]
  return bid === undefined || ask === undefined ? undefined : (bid + ask) / 2n
}
