import type { RecordedHour } from './recording.ts'

export const HOUR_MS = 3_600_000

/** Between these prices a market moved, from `first` to `last`. */
export type Stretch = Readonly<{ first: bigint; last: bigint; low: bigint; high: bigint }>

/** How a market reads the recording: from another hour on, at another scale. */
export type Reading = Readonly<{
  shiftHours: number
  /** A price is the recorded one times `times` / `per`. */
  times: bigint
  per: bigint
}>

/** What the recording says a market did, at any moment. Prices are not yet rounded to ticks. */
export type PricePath = Readonly<{
  at: (ms: number) => bigint
  /** In [fromMs, toMs]. */
  stretch: (fromMs: number, toMs: number) => Stretch
  /** Of one whole hour, in thousandths of a coin. */
  volumeMilli: (ms: number) => bigint
}>

/** Longer stretches are looked at from their end only: the whole recording, there and back. */
const MAX_STRETCH_MS = 60 * 24 * HOUR_MS

/**
 * Plays the recording on the clock, there and back again, for ever and without a jump: the hour
 * that follows the last one is the last one backwards. Within an hour the price goes in straight
 * lines from open by the nearer extreme and the other one to close, a third of the hour each.
 */
export function pricePath(hours: readonly RecordedHour[], reading: Reading): PricePath {
  const { shiftHours, times, per } = reading
  const hourAt = (ms: number): RecordedHour & { isBackwards: boolean } => {
    const n = hours.length
    const index = Math.floor(ms / HOUR_MS) + shiftHours
    const turn = ((index % (2 * n)) + 2 * n) % (2 * n)
    const isBackwards = turn >= n
    const hour = hours[isBackwards ? 2 * n - 1 - turn : turn]
    if (hour === undefined) throw new RangeError('The recording is empty.')
    return { ...hour, isBackwards }
  }
  const knotsAt = (ms: number): readonly [bigint, bigint, bigint, bigint] => {
    const { open, high, low, close, isBackwards } = hourAt(ms)
    const path = close >= open ? ([open, low, high, close] as const) : [open, high, low, close]
    const [a = open, b = low, c = high, d = close] = isBackwards ? path.toReversed() : path
    return [scale(a), scale(b), scale(c), scale(d)]
  }
  const scale = (price: bigint): bigint => (price * times) / per
  const at = (ms: number): bigint => {
    const knots = knotsAt(ms)
    const within = ((ms % HOUR_MS) + HOUR_MS) % HOUR_MS
    const third = HOUR_MS / 3
    const leg = Math.min(Math.floor(within / third), 2)
    const [from, to] = [knots[leg] ?? knots[0], knots[leg + 1] ?? knots[3]]
    return from + ((to - from) * BigInt(Math.floor(within - leg * third))) / BigInt(third)
  }
  return {
    at,
    stretch: (fromMs, toMs) => {
      const since = Math.max(fromMs, toMs - MAX_STRETCH_MS)
      const [first, last] = [at(since), at(toMs)]
      const prices = [first, last]
      for (let knot = nextKnot(since); knot < toMs; knot += HOUR_MS / 3) prices.push(at(knot))
      return { first, last, low: least(prices), high: most(prices) }
    },
    volumeMilli: (ms) => (hourAt(ms).volumeMilli * per) / times,
  }
}

/** The first corner of the path after a moment: on whole thirds of hours. */
function nextKnot(ms: number): number {
  const third = HOUR_MS / 3
  return (Math.floor(ms / third) + 1) * third
}

const least = (values: readonly bigint[]): bigint =>
  values.reduce((left, right) => (right < left ? right : left))
const most = (values: readonly bigint[]): bigint =>
  values.reduce((left, right) => (right > left ? right : left))
