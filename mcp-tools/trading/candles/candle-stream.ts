import { setTimeout as sleep } from 'node:timers/promises'

import { MICROS, parseDecimal } from '../decimal/decimal.ts'
import { roundPrice } from '../decimal/tick.ts'
import type { EngineMarket, Quote } from '../engine/engine-state.ts'
import { bookAround } from './book-around.ts'
import { MAX_CANDLES, type CandlePlayer, type PlayedCandle } from './candle-player.ts'

/** A candle as a market's own service tells of it; prices and volume are decimal text. */
export type StreamedCandle = Readonly<{
  openMs: number
  open: string
  high: string
  low: string
  close: string
  volume: string
}>
export type ReadCandles = (
  of: Readonly<{ symbol: string; interval: '1m' | '1h'; fromMs: number; toMs: number }>,
  signal: AbortSignal,
) => Promise<readonly StreamedCandle[]>

/** The finest candles of two kinds, from which all others are made. */
const KINDS = [
  { interval: '1m', ms: 60_000 },
  { interval: '1h', ms: 3_600_000 },
] as const
/** Asked for again each time: the candle that is not closed yet, and the one before it. */
const AGAIN = 2
/** What was not heard of for so long has no price: nobody trades on it. */
const STALE_MS = 60_000
/** A price that was seen is kept for as long as somebody may ask what happened since. */
const MAX_SEEN = 10_000

type Held = {
  readonly market: EngineMarket
  readonly candles: Map<number, PlayedCandle>[]
  readonly seen: { atMs: number; micros: bigint }[]
  heardMs: number
}

/**
 * Candles of a living market, asked for again and again: a paper exchange that follows the world.
 * A market that falls silent offers nothing until it is heard again. The first look is over before
 * this resolves; it may have brought nothing.
 */
export async function openCandleStream(options: {
  markets: readonly EngineMarket[]
  read: ReadCandles
  everyMs: number
  now: () => number
  onFault: (cause: unknown, symbol: string) => void
}): Promise<CandlePlayer & AsyncDisposable> {
  const { markets, everyMs, now } = options
  const held = markets.map((market): Held => ({
    market,
    candles: KINDS.map(() => new Map<number, PlayedCandle>()),
    seen: [],
    heardMs: Number.NEGATIVE_INFINITY,
  }))
  const stopping = new AbortController()
  const { signal } = stopping
  const look = async (one: Held): Promise<void> => {
    try {
      await hear(one, { ...options, signal })
    } catch (cause) {
      if (!signal.aborted) options.onFault(cause, one.market.symbol)
    }
  }
  const lookAtAll = async (): Promise<void> => void (await Promise.all(held.map(look)))
  await lookAtAll()
  const living = (async () => {
    while (!signal.aborted) {
      await sleep(everyMs, undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) await lookAtAll()
    }
  })()
  return {
    markets,
    quotesAt: ({ nowMs, sinceMs }) =>
      held.flatMap((one, asset) => quoteOf(one, { asset, nowMs, sinceMs, heardBy: now() }) ?? []),
    candles: ({ asset, intervalMs, fromMs, toMs, nowMs }) => {
      const one = held[asset]
      if (one === undefined) throw new RangeError(`There is no asset ${asset}.`)
      return gather(one, { intervalMs, fromMs, toMs, nowMs })
    },
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await living
    },
  }
}

async function hear(
  one: Held,
  { read, now, signal }: { read: ReadCandles; now: () => number; signal: AbortSignal },
): Promise<void> {
  const { symbol, szDecimals } = one.market
  for (const [index, { interval, ms }] of KINDS.entries()) {
    const known = one.candles[index] ?? new Map<number, PlayedCandle>()
    const toMs = now() + 1
    const count = known.size === 0 ? MAX_CANDLES : AGAIN
    const fromMs = (Math.floor(toMs / ms) - count + 1) * ms
    for (const candle of await read({ symbol, interval, fromMs, toMs }, signal)) {
      known.set(candle.openMs, playedOf(candle, szDecimals, ms))
    }
    for (const openMs of [...known.keys()].toSorted(oldestFirst).slice(0, -MAX_CANDLES)) {
      known.delete(openMs)
    }
  }
  const latest = newestOf(one)
  if (latest === undefined) return
  one.heardMs = now()
  one.seen.push({ atMs: one.heardMs, micros: latest.closeMicros })
  if (one.seen.length > MAX_SEEN) one.seen.shift()
}

const oldestFirst = (left: number, right: number): number => left - right

function newestOf({ candles: [minutes] }: Held): PlayedCandle | undefined {
  const newest = Math.max(...(minutes?.keys() ?? []))
  return minutes?.get(newest)
}

/** Prices between two looks are those that were seen, and whole candles: never what came before. */
function quoteOf(
  one: Held,
  at: { asset: number; nowMs: number; sinceMs: number | undefined; heardBy: number },
): Quote | undefined {
  const { asset, nowMs, sinceMs = nowMs } = at
  const latest = newestOf(one)
  if (latest === undefined) return undefined
  const { szDecimals } = one.market
  const markMicros = latest.closeMicros
  const isStale = at.heardBy - one.heardMs > STALE_MS
  const book = isStale ? { bids: [], asks: [] } : bookAround(markMicros, szDecimals)
  const quote = { asset, markMicros, oracleMicros: markMicros, ...book }
  if (isStale) return quote
  const whole = [...(one.candles[0]?.values() ?? [])].filter(
    ({ openMs }) => openMs >= sinceMs && openMs + KINDS[0].ms <= nowMs,
  )
  const seen = one.seen.filter(({ atMs }) => atMs > sinceMs).map(({ micros }) => micros)
  const prices = [
    markMicros,
    ...seen,
    ...whole.flatMap(({ lowMicros, highMicros }) => [lowMicros, highMicros]),
  ]
  const [lowMicros = markMicros] = prices.toSorted((left, right) => (left < right ? -1 : 1))
  const [highMicros = markMicros] = prices.toSorted((left, right) => (left > right ? -1 : 1))
  return { ...quote, lowMicros, highMicros }
}

/** Candles of any interval, made of the finest that divide it and reach back far enough. */
function gather(
  one: Held,
  of: { intervalMs: number; fromMs: number; toMs: number; nowMs: number },
): readonly PlayedCandle[] {
  const { intervalMs, fromMs, toMs, nowMs } = of
  const kind = intervalMs < KINDS[1].ms ? 0 : 1
  const fine = [...(one.candles[kind]?.values() ?? [])].toSorted(
    (left, right) => left.openMs - right.openMs,
  )
  const groups = Map.groupBy(fine, ({ openMs }) => Math.floor(openMs / intervalMs) * intervalMs)
  return [...groups]
    .filter(([openMs]) => openMs >= fromMs && openMs < toMs && openMs <= nowMs)
    .slice(-MAX_CANDLES)
    .map(([openMs, parts]) => ({
      openMs,
      openMicros: parts[0]?.openMicros ?? 0n,
      closeMicros: parts.at(-1)?.closeMicros ?? 0n,
      highMicros: extreme(
        parts.map(({ highMicros }) => highMicros),
        1n,
      ),
      lowMicros: extreme(
        parts.map(({ lowMicros }) => lowMicros),
        -1n,
      ),
      volumeLots: parts.reduce((sum, { volumeLots }) => sum + volumeLots, 0n),
      isClosed: nowMs >= openMs + intervalMs,
    }))
}

const extreme = (values: readonly bigint[], way: 1n | -1n): bigint =>
  values.reduce((left, right) => ((right - left) * way > 0n ? right : left))

function playedOf(candle: StreamedCandle, szDecimals: number, ms: number): PlayedCandle {
  const { openMs, open, high, low, close, volume } = candle
  if (openMs % ms !== 0) throw new RangeError(`A candle opens at ${openMs}, in the middle of one.`)
  const micros = (text: string): bigint => {
    const price = parseDecimal(text, MICROS)
    const legal = price === undefined ? undefined : roundPrice(price, szDecimals, 'down')
    if (legal === undefined) throw new RangeError(`"${text.slice(0, 40)}" is no price.`)
    return legal
  }
  return {
    openMs,
    openMicros: micros(open),
    highMicros: micros(high),
    lowMicros: micros(low),
    closeMicros: micros(close),
    volumeLots: parseDecimal(volume, szDecimals) ?? 0n,
    isClosed: false,
  }
}
