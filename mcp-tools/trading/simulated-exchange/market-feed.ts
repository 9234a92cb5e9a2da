import type { CandlePlayer } from '../candles/candle-player.ts'
import { MICROS, parseDecimal } from '../decimal/decimal.ts'
import { roundPrice } from '../decimal/tick.ts'
import type { EngineMarket, Level, Quote } from '../engine/engine-state.ts'

/** Prices that an operator has set stand in the place of the source's. */
export type MarketFeed = Readonly<{
  /** Throws RangeError for a coin that is not listed and for what is no price. */
  setPrices: (prices: Readonly<Record<string, string>>) => void
  setDepth: (depth: Readonly<Record<string, string>>) => void
  quotesAt: CandlePlayer['quotesAt']
}>

/** Each side of a set price in five levels, this far apart: 0.01 % and a bit of depth behind. */
const LEVELS = [1n, 2n, 4n, 8n, 16n]
const TEN_THOUSAND = 10_000n
/** A million coins a level: nobody runs out who has not asked for it. */
const DEFAULT_DEPTH = '1000000'

export function openMarketFeed(source: CandlePlayer): MarketFeed {
  const prices = new Map<number, bigint>()
  const depth = new Map<number, bigint>()
  // A price that was set once has been everywhere between the last one and itself.
  const before = new Map<number, bigint>()
  const assetOf = (coin: string): number => {
    const asset = source.markets.findIndex(({ symbol }) => symbol === coin)
    if (asset < 0) throw new RangeError(`"${coin.slice(0, 40)}" is not listed here.`)
    return asset
  }
  return {
    setPrices: (wanted) => {
      for (const [coin, text] of Object.entries(wanted)) {
        const asset = assetOf(coin)
        if (text === '') {
          prices.delete(asset)
          continue
        }
        const micros = parseDecimal(text, MICROS)
        if (micros === undefined || micros <= 0n) throw new RangeError(`"${text}" is no price.`)
        prices.set(asset, micros)
      }
    },
    setDepth: (wanted) => {
      for (const [coin, text] of Object.entries(wanted)) {
        const asset = assetOf(coin)
        const lots = parseDecimal(text, source.markets[asset]?.szDecimals ?? 0)
        if (lots === undefined || lots < 0n) throw new RangeError(`"${text}" is no depth.`)
        depth.set(asset, lots)
      }
    },
    quotesAt: (of) => {
      const quotes = source.quotesAt(of).filter(({ asset }) => !prices.has(asset))
      const set = [...prices].map(([asset, mid]) => {
        const market = source.markets[asset]
        if (market === undefined) throw new RangeError(`There is no asset ${asset}.`)
        const lots = depth.get(asset) ?? parseDecimal(DEFAULT_DEPTH, market.szDecimals) ?? 0n
        const from = before.get(asset) ?? mid
        before.set(asset, mid)
        return quoteAround(mid, { asset, market, lots, from })
      })
      return [...quotes, ...set]
    },
  }
}

function quoteAround(
  mid: bigint,
  of: { asset: number; market: EngineMarket; lots: bigint; from: bigint },
): Quote {
  const { szDecimals } = of.market
  const side = (sign: 1n | -1n): Level[] =>
    of.lots === 0n
      ? []
      : LEVELS.flatMap((step) => {
          const exact = mid + (sign * mid * step) / TEN_THOUSAND
          const price = roundPrice(exact, szDecimals, sign === 1n ? 'up' : 'down')
          return price === undefined ? [] : [[price, of.lots] as const]
        })
  return {
    asset: of.asset,
    bids: side(-1n),
    asks: side(1n),
    markMicros: mid,
    oracleMicros: mid,
    lowMicros: of.from < mid ? of.from : mid,
    highMicros: of.from > mid ? of.from : mid,
  }
}
