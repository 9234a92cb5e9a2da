import { TerminalError } from '@chimera/contracts/errors'
import type { z } from 'zod'

import type { Market, ReadOptions, Venue } from '../../venue/venue.ts'
import type { Ask } from './ask.ts'
import { CandleSnapshot, L2Book, Meta, MetaAndContexts } from './replies.ts'

/** Listings change a few times a week. */
const MARKETS_FOR_MS = 60_000
/** What one candle question is answered with at most. */
const MAX_CANDLES = 500

const INTERVAL_MS = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '4h': 14_400_000,
  '1d': 86_400_000,
} as const

/** Reading markets, which needs no account. Weights: 2 to 22 of the 1,200 a minute. */
export function createMarketReads(of: {
  ask: Ask
  now: () => number
}): Pick<Venue, 'markets' | 'price' | 'book' | 'candles'> {
  const { ask, now } = of
  const markets = cachedMarkets(ask, now)
  const mustList = async (symbol: string, options: ReadOptions): Promise<void> => {
    const listed = await markets(options)
    if (!listed.some((market) => market.symbol === symbol)) throw unknownMarket(symbol)
  }
  const l2Book = async (symbol: string, options: ReadOptions) => {
    await mustList(symbol, options)
    return ask({ type: 'l2Book', coin: symbol }, L2Book, options.signal)
  }
  return {
    markets,
    price: async ({ symbol }, options = {}) => {
      const [[meta, contexts], book] = await Promise.all([
        ask({ type: 'metaAndAssetCtxs' }, MetaAndContexts, options.signal),
        l2Book(symbol, options),
      ])
      const context = contexts[meta.universe.findIndex(({ name }) => name === symbol)]
      if (context === undefined) throw unknownMarket(symbol)
      return {
        symbol,
        mark: context.markPx,
        oracle: context.oraclePx,
        fundingRate: context.funding,
        ...(context.midPx === null ? {} : { mid: context.midPx }),
        // The contexts say no time; the book does, and comes from the same node.
        atMs: book.time,
      }
    },
    book: async ({ symbol, depth }, options = {}) => {
      const { levels, time } = await l2Book(symbol, options)
      const [bids, asks] = levels.map((side) =>
        side.slice(0, depth).map(({ px: price, sz: size, n: orders }) => ({ price, size, orders })),
      )
      return { symbol, bids: bids ?? [], asks: asks ?? [], atMs: time }
    },
    candles: async ({ symbol, interval, fromMs, toMs }, options = {}) => {
      await mustList(symbol, options)
      const startTime = Math.max(fromMs, toMs - MAX_CANDLES * INTERVAL_MS[interval])
      const req = { coin: symbol, interval, startTime, endTime: toMs }
      const candles = await ask({ type: 'candleSnapshot', req }, CandleSnapshot, options.signal)
      return candles
        .filter(({ t }) => t >= fromMs && t < toMs)
        .toSorted((left, right) => left.t - right.t)
        .slice(-MAX_CANDLES)
        .map(({ t, T, o: open, h: high, l: low, c: close, v: volume }) => {
          return { openMs: t, open, high, low, close, volume, isClosed: now() > T }
        })
    },
  }
}

function cachedMarkets(ask: Ask, now: () => number): Venue['markets'] {
  let cached: { markets: readonly Market[]; readAtMs: number } | undefined
  return async ({ signal } = {}) => {
    const age = cached === undefined ? Number.POSITIVE_INFINITY : now() - cached.readAtMs
    if (cached !== undefined && age >= 0 && age < MARKETS_FOR_MS) return cached.markets
    const readAtMs = now()
    const { universe } = await ask({ type: 'meta' }, Meta, signal)
    const markets = universe.map((market, asset) => marketOf(market, asset))
    cached = { markets, readAtMs }
    return markets
  }
}

function marketOf(market: z.infer<typeof Meta>['universe'][number], asset: number): Market {
  const { name: symbol, szDecimals, maxLeverage, isDelisted = false } = market
  return {
    symbol,
    asset,
    szDecimals,
    maxPriceDecimals: 6 - szDecimals,
    significantFigures: 5,
    maxLeverage,
    minNotionalUsd: '10',
    isDelisted,
  }
}

function unknownMarket(symbol: string): TerminalError {
  return new TerminalError('MARKET_UNKNOWN', `The exchange lists no market "${symbol}".`)
}
