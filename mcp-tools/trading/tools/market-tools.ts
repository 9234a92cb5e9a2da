import { TOOLS } from '@chimera/contracts/tools'
import { defineReadTool, type ServedTool } from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import { restrictionOn } from '../limits/restricted-symbols.ts'
import { CANDLE_INTERVALS, type CandleInterval } from '../venue/venue.ts'
import { mode, symbol } from './fields.ts'
import type { TradingParts } from './trading-parts.ts'

const decimal = z.string()
const time = z.iso.datetime()
const iso = (ms: number): string => new Date(ms).toISOString()

const INTERVAL_MS: Readonly<Record<CandleInterval, number>> = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '4h': 14_400_000,
  '1d': 86_400_000,
}
const DEFAULT_CANDLES = 100
const MAX_CANDLES = 500
const MAX_DEPTH = 20

/** What anyone may know of the markets; asks the venue and changes nothing. */
export function marketTools(parts: TradingParts): readonly ServedTool[] {
  return [getMarkets(parts), getPrice(parts), getOrderbook(parts), getCandles(parts)]
}

function getMarkets({ venue, restricted }: TradingParts): ServedTool {
  return defineReadTool({
    name: 'get_markets',
    title: 'List the markets',
    description:
      'Lists the perpetual markets with their rules: sizes are multiples of 10^-size_decimals; ' +
      'prices have at most significant_figures and max_price_decimals, whole numbers always.',
    scope: TOOLS.get_markets.scope,
    hints: { openWorldHint: true },
    input: {
      symbols: z.array(symbol).min(1).max(100).optional().describe('only these; all when absent'),
    },
    output: {
      ...mode,
      markets: z.array(
        z.strictObject({
          symbol: z.string(),
          size_decimals: z.int(),
          significant_figures: z.int(),
          max_price_decimals: z.int(),
          max_leverage: z.number(),
          min_notional_usd: decimal,
          delisted: z.boolean(),
          restricted: z.boolean().describe('this server does not open positions in it'),
        }),
      ),
    },
    read: async ({ symbols }) => {
      const wanted = symbols === undefined ? undefined : new Set(symbols)
      const markets = await venue.markets()
      return {
        markets: markets
          .filter((market) => wanted?.has(market.symbol) ?? true)
          .map((market) => ({
            symbol: market.symbol,
            size_decimals: market.szDecimals,
            significant_figures: market.significantFigures,
            max_price_decimals: market.maxPriceDecimals,
            max_leverage: market.maxLeverage,
            min_notional_usd: market.minNotionalUsd,
            delisted: market.isDelisted,
            restricted: restrictionOn(market.symbol, { restricted, isExit: false }) !== undefined,
          })),
      }
    },
  })
}

function getPrice({ venue }: TradingParts): ServedTool {
  return defineReadTool({
    name: 'get_price',
    title: 'Price of a market',
    description: 'Says mark, mid and oracle price of a market and its funding rate of this hour.',
    scope: TOOLS.get_price.scope,
    hints: { openWorldHint: true },
    input: { symbol },
    output: {
      ...mode,
      symbol: z.string(),
      mark: decimal,
      mid: decimal,
      oracle: decimal,
      funding_rate: decimal.describe('share of the position that longs pay this hour'),
      at: time,
    },
    read: async ({ symbol: wanted }) => {
      const price = await venue.price({ symbol: wanted })
      return {
        symbol: price.symbol,
        mark: price.mark,
        oracle: price.oracle,
        funding_rate: price.fundingRate,
        at: iso(price.atMs),
        ...(price.mid === undefined ? {} : { mid: price.mid }),
      }
    },
  })
}

function getOrderbook({ venue }: TradingParts): ServedTool {
  const level = z.strictObject({ price: decimal, size: decimal, orders: z.int() })
  return defineReadTool({
    name: 'get_orderbook',
    title: 'Order book of a market',
    description: 'Shows the best levels of both sides of the book, the best first.',
    scope: TOOLS.get_orderbook.scope,
    hints: { openWorldHint: true },
    input: { symbol, depth: z.int().min(1).max(MAX_DEPTH).optional().describe('20 when absent') },
    output: {
      ...mode,
      symbol: z.string(),
      bids: z.array(level),
      asks: z.array(level),
      at: time,
    },
    read: async ({ symbol: wanted, depth = MAX_DEPTH }) => {
      const { symbol: of, bids, asks, atMs } = await venue.book({ symbol: wanted, depth })
      return { symbol: of, bids, asks, at: iso(atMs) }
    },
  })
}

function getCandles({ venue, ledger }: TradingParts): ServedTool {
  return defineReadTool({
    name: 'get_candles',
    title: 'Candles of a market',
    description:
      'Gives the newest candles of a market, oldest first, named by their opening; the last one ' +
      'may not be closed yet.',
    scope: TOOLS.get_candles.scope,
    hints: { openWorldHint: true },
    input: {
      symbol,
      interval: z.enum(CANDLE_INTERVALS).optional().describe('1h when absent'),
      limit: z.int().min(1).max(MAX_CANDLES).optional().describe(`${DEFAULT_CANDLES} when absent`),
    },
    output: {
      ...mode,
      symbol: z.string(),
      interval: z.enum(CANDLE_INTERVALS),
      candles: z.array(
        z.strictObject({
          opened_at: time,
          open: decimal,
          high: decimal,
          low: decimal,
          close: decimal,
          volume: decimal,
          closed: z.boolean(),
        }),
      ),
    },
    read: async ({ symbol: wanted, interval = '1h', limit = DEFAULT_CANDLES }) => {
      const toMs = ledger.wall() + 1
      const step = INTERVAL_MS[interval]
      const fromMs = (Math.floor(toMs / step) - limit + 1) * step
      const candles = await venue.candles({ symbol: wanted, interval, fromMs, toMs })
      return {
        symbol: wanted,
        interval,
        candles: candles.slice(-limit).map(({ openMs, isClosed, ...prices }) => ({
          opened_at: iso(openMs),
          open: prices.open,
          high: prices.high,
          low: prices.low,
          close: prices.close,
          volume: prices.volume,
          closed: isClosed,
        })),
      }
    },
  })
}
