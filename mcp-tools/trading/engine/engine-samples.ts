import { parseDecimal } from '../decimal/decimal.ts'
import type { EngineOrder, Quote } from './engine-state.ts'
import type { EngineOptions } from './engine.ts'

/** For tests: markets of different lots, fees of the base tier, 10,000 dollars. */
export const OPTIONS: EngineOptions = {
  markets: [
    { symbol: 'BTC', szDecimals: 5, maxLeverage: 40 },
    { symbol: 'ETH', szDecimals: 4, maxLeverage: 25 },
    { symbol: 'DOGE', szDecimals: 0, maxLeverage: 10 },
  ],
  fees: { takerMillionths: 450n, makerMillionths: 150n },
  startingMicros: 10_000_000_000n,
}

export const ACCOUNT = '0x00000000000000000000000000000000000000aa'

/** Dollars as micros. */
export function usd(text: string): bigint {
  const micros = parseDecimal(text, 6)
  if (micros === undefined) throw new RangeError(`"${text}" is no amount of dollars.`)
  return micros
}

/** BTC around a mark, in dollars: five levels a side, a dollar apart, `lots` each. */
export function btcQuote(mark: string, given: Partial<Quote> & { lots?: bigint } = {}): Quote {
  const { lots = 100_000n, ...rest } = given
  const markMicros = usd(mark)
  const levels = [1n, 2n, 3n, 4n, 5n]
  return {
    asset: 0,
    markMicros,
    oracleMicros: markMicros,
    bids: levels.map((step) => [markMicros - step * usd('1'), lots] as const),
    asks: levels.map((step) => [markMicros + step * usd('1'), lots] as const),
    ...rest,
  }
}

/** A buyer of 0.01 BTC who rests at 50,000 dollars, but for what is given. */
export function order(given: Partial<EngineOrder> = {}): EngineOrder {
  return {
    asset: 0,
    isBuy: true,
    priceMicros: usd('50000'),
    lots: 1_000n,
    reduceOnly: false,
    tif: 'Gtc',
    ...given,
  }
}
