import { TerminalError } from '@chimera/contracts/errors'
import type { z } from 'zod'

import type { Market, Position, Venue } from '../../venue/venue.ts'
import { fillsOf, orderOf } from './orders.ts'
import type { ReadInfo } from './read-info.ts'
import {
  CandleSnapshot,
  ClearinghouseState,
  ExchangeStatus,
  Fills,
  L2Book,
  Meta,
  MetaAndContexts,
  OpenOrders,
  OrderStatus,
} from './replies.ts'

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

type Reads = Pick<
  Venue,
  'markets' | 'price' | 'book' | 'candles' | 'account' | 'openOrders' | 'findOrder' | 'fills'
>

/** The reading half of the port on `/info`. Weights: 2 to 22 of the 1,200 a minute. */
export function createReads(of: { readInfo: ReadInfo; account: string; now: () => number }): Reads {
  const { readInfo, account: user, now } = of
  const markets = cachedMarkets(readInfo, now)
  const l2Book = async (symbol: string, signal: AbortSignal | undefined) => {
    if (
      !(await markets(signal === undefined ? {} : { signal })).some(
        (market) => market.symbol === symbol,
      )
    ) {
      throw unknownMarket(symbol)
    }
    return readInfo({ type: 'l2Book', coin: symbol }, L2Book, signal)
  }

  return {
    markets,
    price: async ({ symbol }, { signal } = {}) => {
      const [[meta, contexts], book] = await Promise.all([
        readInfo({ type: 'metaAndAssetCtxs' }, MetaAndContexts, signal),
        l2Book(symbol, signal),
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
    book: async ({ symbol, depth }, { signal } = {}) => {
      const { levels, time } = await l2Book(symbol, signal)
      const [bids, asks] = levels.map((side) =>
        side.slice(0, depth).map(({ px: price, sz: size, n: orders }) => ({ price, size, orders })),
      )
      return { symbol, bids: bids ?? [], asks: asks ?? [], atMs: time }
    },
    candles: async ({ symbol, interval, fromMs, toMs }, { signal } = {}) => {
      const startTime = Math.max(fromMs, toMs - MAX_CANDLES * INTERVAL_MS[interval])
      const req = { coin: symbol, interval, startTime, endTime: toMs }
      const candles = await readInfo({ type: 'candleSnapshot', req }, CandleSnapshot, signal)
      return candles
        .filter(({ t }) => t >= fromMs && t < toMs)
        .toSorted((left, right) => left.t - right.t)
        .slice(-MAX_CANDLES)
        .map(({ t, T, o: open, h: high, l: low, c: close, v: volume }) => {
          return { openMs: t, open, high, low, close, volume, isClosed: now() > T }
        })
    },
    account: async ({ signal } = {}) => {
      const state = await readInfo({ type: 'clearinghouseState', user }, ClearinghouseState, signal)
      return accountOf(state, now())
    },
    openOrders: async ({ signal } = {}) => {
      const orders = await readInfo({ type: 'frontendOpenOrders', user }, OpenOrders, signal)
      return orders
        .map((order) => orderOf(order))
        .toSorted((left, right) => right.placedAtMs - left.placedAtMs)
    },
    findOrder: async (name, { signal } = {}) => {
      // The node's time first: what it says of the order afterwards is not older.
      const { time: asOfMs } = await readInfo({ type: 'exchangeStatus' }, ExchangeStatus, signal)
      const oid = 'cloid' in name ? name.cloid : Number(name.oid)
      const found = await readInfo({ type: 'orderStatus', user, oid }, OrderStatus, signal)
      if (found.status === 'unknownOid') return { kind: 'unknown', asOfMs }
      return { kind: 'found', asOfMs, order: orderOf(found.order.order, found.order) }
    },
    fills: async ({ sinceMs }, { signal } = {}) => {
      const question = { type: 'userFillsByTime', user, startTime: sinceMs }
      const fills = fillsOf(await readInfo(question, Fills, signal))
      return fills.filter(({ atMs }) => atMs >= sinceMs)
    },
  }
}

function cachedMarkets(readInfo: ReadInfo, now: () => number): Venue['markets'] {
  let cached: { markets: readonly Market[]; readAtMs: number } | undefined
  return async ({ signal } = {}) => {
    const age = cached === undefined ? Number.POSITIVE_INFINITY : now() - cached.readAtMs
    if (cached !== undefined && age >= 0 && age < MARKETS_FOR_MS) return cached.markets
    const readAtMs = now()
    const { universe } = await readInfo({ type: 'meta' }, Meta, signal)
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

function accountOf(state: z.infer<typeof ClearinghouseState>, nowMs: number) {
  const positions = state.assetPositions
    .map(({ position }) => position)
    .filter(({ szi }) => szi !== '0')
    .map((position): Position => {
      const { liquidationPx, entryPx } = position
      return {
        symbol: position.coin,
        size: position.szi,
        entryPrice: entryPx ?? '0',
        notionalUsd: position.positionValue,
        unrealizedPnlUsd: position.unrealizedPnl,
        leverage: position.leverage.value,
        ...(liquidationPx === null ? {} : { liquidationPrice: liquidationPx }),
      }
    })
  return {
    equityUsd: state.marginSummary.accountValue,
    marginUsedUsd: state.marginSummary.totalMarginUsed,
    withdrawableUsd: state.withdrawable,
    positions,
    atMs: state.time ?? nowMs,
  }
}

function unknownMarket(symbol: string): TerminalError {
  return new TerminalError('MARKET_UNKNOWN', `The exchange lists no market "${symbol}".`)
}
